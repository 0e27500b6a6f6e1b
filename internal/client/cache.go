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

// Lately is the greatest age of a copy on which a write is based. Terraform orders writes that depend on each other,
// and an older copy might lack such a write by another provider.
const Lately = 10 * time.Second

// Cache shares the result of one read among many callers and keeps it as a copy. Of errors it keeps only [ErrNotFound],
// and only for callers that accept a copy of any age. The read does not end with the context of its first caller: that
// caller returns, and the other callers still get the result. The zero value is ready to use.
type Cache[T any] struct {
	writes *atomic.Int64 // counts the writes that make a copy out of date; may be nil; set before the first use

	flight singleflight.Group
	mu     sync.Mutex
	kept   *kept[T]
	round  int // counts how often the copy was dropped or replaced, so that an older read does not replace it
}

type kept[T any] struct {
	value  T
	err    error
	began  time.Time // when the read began; a change during the read counts as later
	writes int64     // the count of writes when the read began
}

func (c *Cache[T]) written() int64 {
	if c.writes == nil {
		return 0
	}
	return c.writes.Load()
}

// Get returns the copy if it is no older than maxAge, or of any age for [AnyAge]. Otherwise it reads.
func (c *Cache[T]) Get(ctx context.Context, maxAge time.Duration, read func(context.Context) (T, error)) (T, error) {
	written := c.written()
	for {
		if k, _ := c.look(maxAge); k != nil {
			return k.value, k.err
		}
		k, err := c.fly(ctx, read, func() *kept[T] { k, _ := c.look(maxAge); return k })
		if ctx.Err() != nil || k.writes >= written {
			return k.value, err
		} // else that read began before a write on which the caller may depend
	}
}

// GetSince returns the result of a read that began at the time since or later. Callers that arrive during an older read
// share the next one, so many callers at once cost two reads.
func (c *Cache[T]) GetSince(ctx context.Context, since time.Time, read func(context.Context) (T, error)) (T, error) {
	fresh := func() *kept[T] {
		if k, _ := c.look(AnyAge); k != nil && !k.began.Before(since) {
			return k
		}
		return nil
	}
	for {
		if k := fresh(); k != nil {
			return k.value, k.err
		}
		if k, err := c.fly(ctx, read, fresh); err != nil || !k.began.Before(since) {
			return k.value, err
		}
	}
}

// fly calls read, or waits for the read that is under way, and returns the result. It calls copied just before a new
// read, because another read may have ended in the meantime.
func (c *Cache[T]) fly(
	ctx context.Context,
	read func(context.Context) (T, error),
	copied func() *kept[T],
) (kept[T], error) {
	done := c.flight.DoChan("", func() (any, error) {
		if k := copied(); k != nil {
			return *k, k.err
		}
		_, round := c.look(AnyAge)
		k := kept[T]{began: time.Now(), writes: c.written()}
		k.value, k.err = read(context.WithoutCancel(ctx))
		if k.err == nil || errors.Is(k.err, ErrNotFound) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.round == round {
				c.kept = &k
			}
		}
		return k, k.err
	})
	select {
	case r := <-done:
		k, _ := r.Val.(kept[T])
		return k, r.Err
	case <-ctx.Done():
		return kept[T]{}, ctx.Err()
	}
}

func (c *Cache[T]) look(maxAge time.Duration) (k *kept[T], round int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k = c.kept
	if k != nil && k.writes != c.written() {
		k = nil
	}
	if k != nil && maxAge != AnyAge && (k.err != nil || time.Since(k.began) > maxAge) {
		k = nil
	}
	return k, c.round
}

// Peek returns the copy, or the zero value if there is none. It never reads.
func (c *Cache[T]) Peek() T {
	if k, _ := c.look(AnyAge); k != nil {
		return k.value
	}
	var none T
	return none
}

// Put stores as the copy what the answer to a write shows.
func (c *Cache[T]) Put(v T) { c.replace(&kept[T]{value: v, began: time.Now(), writes: c.written()}) }

// Forget drops the copy, because something was written.
func (c *Cache[T]) Forget() { c.replace(nil) }

func (c *Cache[T]) replace(k *kept[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = k
	c.round++
	c.flight.Forget("")
}

// Of returns the one value of type T that the client keeps for a package which uses it, and creates the value at the
// first call. What the operations of one run share belongs to the client that Configure made, never to the process.
func Of[T any](c *Client) *T {
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
// behind, or show only what the caller may see. The zero value is ready to use.
type Directory[T any] struct {
	all  Cache[map[string]T]
	mu   sync.Mutex
	ones map[string]*Cache[T]
	ends bool // the list was refused, and is not requested again
}

// few is how many objects a [Directory] reads one by one before it lists all objects.
const few = 2

// Get returns the object with that key. The object may be a copy that is at most maxAge old, or of any age for
// [AnyAge]. one reads the object by itself, and returns [ErrNotFound] if it does not exist. list reads all objects.
func (d *Directory[T]) Get(
	ctx context.Context,
	key string,
	maxAge time.Duration,
	one func(context.Context) (T, error),
	list func(context.Context) (map[string]T, error),
) (T, error) {
	v, _, err := d.get(ctx, key, maxAge, one, list, true)
	return v, err
}

// Seek is [Directory.Get] for a caller that only wants to know which objects existed before. If the list does not show
// an object, Seek does not read it by itself. A missing object is no error: found is false.
func (d *Directory[T]) Seek(
	ctx context.Context,
	key string,
	maxAge time.Duration,
	one func(context.Context) (T, error),
	list func(context.Context) (map[string]T, error),
) (v T, found bool, err error) {
	v, found, err = d.get(ctx, key, maxAge, one, list, false)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return v, found, err
}

func (d *Directory[T]) get(
	ctx context.Context,
	key string,
	maxAge time.Duration,
	one func(context.Context) (T, error),
	list func(context.Context) (map[string]T, error),
	confirm bool,
) (v T, found bool, err error) {
	listed := d.many(key)
	if kept, _ := d.all.look(maxAge); listed || kept != nil && kept.err == nil {
		all, err := d.all.Get(ctx, maxAge, list)
		switch {
		case err == nil:
			if v, found = all[key]; found || !confirm {
				return v, found, nil
			}
		case ctx.Err() != nil:
			return v, false, err
		default:
			d.mu.Lock()
			d.ends = true
			d.mu.Unlock()
		}
	}
	v, err = d.single(key).Get(ctx, maxAge, one)
	return v, err == nil, err
}

// many records that the object with that key is requested, and reports whether to use the list first. It remembers only
// as many keys as it takes to decide that.
func (d *Directory[T]) many(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ones) <= few {
		d.one(key)
	}
	return !d.ends && len(d.ones) > few
}

// single returns the cache of the object with that key.
func (d *Directory[T]) single(key string) *Cache[T] {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.one(key)
}

func (d *Directory[T]) one(key string) *Cache[T] {
	if d.ones == nil {
		d.ones = map[string]*Cache[T]{}
	}
	if d.ones[key] == nil {
		d.ones[key] = &Cache[T]{}
	}
	return d.ones[key]
}
