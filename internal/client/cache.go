package client

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// AnyAge accepts a copy of any age. It is for the reads of one refresh, during which this process changes nothing.
const AnyAge time.Duration = 0

// RecentAge is the greatest age of a copy on which a write is based. Terraform orders writes that depend on each other,
// and an older copy might lack such a write by another provider.
const RecentAge = 10 * time.Second

// Cache shares the result of one read among many callers and keeps it as a copy. Of errors it keeps only [ErrNotFound],
// and only for callers that accept a copy of any age. The read does not end with the context of its first caller: that
// caller returns, and the other callers still get the result. The zero value is ready to use.
type Cache[T any] struct {
	writes *atomic.Int64 // counts the writes that make a copy out of date; may be nil; set before the first use

	flight singleflight.Group
	mu     sync.Mutex
	kept   *kept[T]
	drops  atomic.Int64 // counts how often the copy was dropped or replaced
}

type kept[T any] struct {
	value   T
	err     error
	began   time.Time // when the read began; a change during the read counts as later
	changes int64     // the count of changes when the read began
}

// changes counts all that makes a copy out of date.
func (c *Cache[T]) changes() int64 {
	if c.writes == nil {
		return c.drops.Load()
	}
	return c.drops.Load() + c.writes.Load()
}

// Get returns the copy if it is no older than maxAge, or of any age for [AnyAge]. Otherwise it reads.
func (c *Cache[T]) Get(ctx context.Context, maxAge time.Duration, read func(context.Context) (T, error)) (T, error) {
	changes := c.changes()
	copied := func() *kept[T] { return c.look(maxAge) }
	for {
		if k := copied(); k != nil {
			return k.value, k.err
		}
		k, err := c.readShared(ctx, read, copied)
		if ctx.Err() != nil || k.changes >= changes {
			return k.value, err
		} // else that read began before a write on which the caller may depend
	}
}

// GetSince returns the result of a read that began at the time since or later. Callers that arrive during an older read
// share the next one, so many callers at once cost two reads.
func (c *Cache[T]) GetSince(ctx context.Context, since time.Time, read func(context.Context) (T, error)) (T, error) {
	fresh := func() *kept[T] {
		if k := c.look(AnyAge); k != nil && !k.began.Before(since) {
			return k
		}
		return nil
	}
	for {
		if k := fresh(); k != nil {
			return k.value, k.err
		}
		if k, err := c.readShared(ctx, read, fresh); err != nil || !k.began.Before(since) {
			return k.value, err
		}
	}
}

// readShared calls read, or waits for the read that is under way, and returns the result. It calls copied just before a
// new read, because another read may have ended in the meantime.
func (c *Cache[T]) readShared(
	ctx context.Context,
	read func(context.Context) (T, error),
	copied func() *kept[T],
) (kept[T], error) {
	return share(ctx, &c.flight, "", func(ctx context.Context) (kept[T], error) {
		if k := copied(); k != nil {
			return *k, k.err
		}
		k := kept[T]{began: time.Now(), changes: c.changes()}
		k.value, k.err = read(ctx)
		if k.err == nil || errors.Is(k.err, ErrNotFound) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if k.changes == c.changes() {
				c.kept = &k
			}
		}
		return k, k.err
	})
}

// share calls do, or waits for the call with that key that is under way, and returns the result. The call does not end
// with the context of its first caller: that caller returns, and the others still get the result.
func share[T any](
	ctx context.Context,
	flight *singleflight.Group,
	key string,
	do func(context.Context) (T, error),
) (T, error) {
	done := flight.DoChan(key, func() (any, error) { return do(context.WithoutCancel(ctx)) })
	select {
	case r := <-done:
		v, _ := r.Val.(T)
		return v, r.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// look returns the copy if no change has made it out of date and it is not too old for the caller; see [Cache.Get].
func (c *Cache[T]) look(maxAge time.Duration) *kept[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.kept
	if k == nil || k.changes != c.changes() ||
		maxAge != AnyAge && (k.err != nil || time.Since(k.began) > maxAge) {
		return nil
	}
	return k
}

// Peek returns the copy, or the zero value if there is none. It never reads.
func (c *Cache[T]) Peek() (v T) {
	if k := c.look(AnyAge); k != nil {
		v = k.value
	}
	return v
}

// Put stores as the copy what the answer to a write shows.
func (c *Cache[T]) Put(v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Forget()
	c.kept = &kept[T]{value: v, began: time.Now(), changes: c.changes()}
}

// Forget drops the copy, because something was written. Later callers do not wait for a read that is under way.
func (c *Cache[T]) Forget() {
	c.drops.Add(1)
	c.flight.Forget("")
}

// perKey holds one value of type T for each key, and creates it when it is first needed. The zero value is ready to
// use.
type perKey[T any] struct{ values sync.Map }

func (p *perKey[T]) at(key string) *T {
	v, _ := p.values.LoadOrStore(key, new(T))
	return v.(*T)
}

// PerClient returns the one value of type T that the client keeps for a package which uses it, and creates the value at
// the first call. What the operations of one run share belongs to the client that Configure made, never to the process.
func PerClient[T any](c *Client) *T {
	kind := reflect.TypeFor[T]()
	if v, ok := c.kept.Load(kind); ok {
		return v.(*T)
	}
	v, _ := c.kept.LoadOrStore(kind, new(T))
	return v.(*T)
}

// Directory finds objects of one kind by key. It reads the first two objects one by one, and lists all objects for any
// further one. So one object costs one request, and a thousand cost three. If the list has been read already, it is
// used for the first objects, too. An object that the list does not show is read by itself, because a list may lag
// behind, or show only what the caller may see.
type Directory[T any] struct {
	list func(context.Context) (map[string]T, error) // reads all objects by key

	all     Cache[map[string]T]
	refused atomic.Bool // the list was refused, and is not requested again
	mu      sync.Mutex
	ones    map[string]*Cache[T]
}

// maxSingleReads is how many objects a [Directory] reads one by one before it lists all objects.
const maxSingleReads = 2

// All lists all objects by key. The list may be a copy of any age.
func (d *Directory[T]) All(ctx context.Context) (map[string]T, error) {
	return d.all.Get(ctx, AnyAge, d.list)
}

// Get returns the object with that key. The object may be a copy that is at most maxAge old, or of any age for
// [AnyAge]. one reads the object by itself, and returns [ErrNotFound] if it does not exist.
func (d *Directory[T]) Get(
	ctx context.Context,
	key string,
	maxAge time.Duration,
	one func(context.Context) (T, error),
) (T, error) {
	single, all, err := d.lookUp(ctx, key, maxAge)
	if v, found := all[key]; found || err != nil {
		return v, err
	}
	return single.Get(ctx, maxAge, one)
}

// GetOrZero is [Directory.Get] for a caller that only wants to know which objects existed before. If the list does not
// show an object, GetOrZero does not read it by itself. For a missing object it returns the zero value and no error.
func (d *Directory[T]) GetOrZero(
	ctx context.Context,
	key string,
	maxAge time.Duration,
	one func(context.Context) (T, error),
) (T, error) {
	single, all, err := d.lookUp(ctx, key, maxAge)
	if all != nil || err != nil {
		return all[key], err
	}
	v, err := single.Get(ctx, maxAge, one)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return v, err
}

// lookUp returns the cache of the object with that key, and all objects by key if the list is to be used. It returns an
// error only if ctx ends.
func (d *Directory[T]) lookUp(
	ctx context.Context,
	key string,
	maxAge time.Duration,
) (single *Cache[T], all map[string]T, err error) {
	d.mu.Lock()
	if d.ones == nil {
		d.ones = map[string]*Cache[T]{}
	}
	if d.ones[key] == nil {
		d.ones[key] = &Cache[T]{}
	}
	single, many := d.ones[key], len(d.ones) > maxSingleReads
	d.mu.Unlock()
	kept := d.all.look(maxAge)
	listed := kept != nil && kept.err == nil
	if !listed && (!many || d.refused.Load()) {
		return single, nil, nil
	}
	all, err = d.all.Get(ctx, maxAge, d.list)
	if err != nil && ctx.Err() == nil {
		d.refused.Store(true)
		all, err = nil, nil
	}
	return single, all, err
}
