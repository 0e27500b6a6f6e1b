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

// AnyAge accepts a copy however old it is: for the reads of one refresh, during which this process changes nothing.
const AnyAge time.Duration = 0

// Lately is how old a copy may be on which a write is based. Terraform writes what depends on each other in order, and
// an older copy might be from before such a write by another provider.
const Lately = 10 * time.Second

// Cache is one read whose result many callers share and keep. Of errors only [ErrNotFound] is kept, and only for
// callers that accept a copy of any age. The read does not end with its first caller's context: a caller that gives up
// leaves, and the others still get the result. The zero value is ready.
type Cache[T any] struct {
	writes *atomic.Int64 // counts what makes a copy out of date; may be nil. Set before the first use

	flight singleflight.Group
	mu     sync.Mutex
	kept   *kept[T]
	round  int // counts what was forgotten or replaced, so that a read begun before is not kept after
}

type kept[T any] struct {
	value  T
	err    error
	began  time.Time // of the read, so that a change during it counts as after it
	writes int64     // as the read began
}

func (c *Cache[T]) written() int64 {
	if c.writes == nil {
		return 0
	}
	return c.writes.Load()
}

// Get returns the copy where it is no older than maxAge (or [AnyAge]), else reads.
func (c *Cache[T]) Get(ctx context.Context, maxAge time.Duration, read func(context.Context) (T, error)) (T, error) {
	written := c.written()
	for {
		if k, _ := c.look(maxAge); k != nil {
			return k.value, k.err
		}
		k, err := c.fly(ctx, read, func() *kept[T] { k, _ := c.look(maxAge); return k })
		if ctx.Err() != nil || k.writes >= written {
			return k.value, err
		} // else it joined a read that began before a write that the caller may depend on
	}
}

// GetSince returns the result of a read that began no earlier than since. Callers that come during an older read share
// the next one, so many at once cost two reads.
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

// fly reads, or waits for the read that is under way, and returns its result. It calls copied once more before a new
// read, because another read may have ended since.
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

// Peek returns the copy, or the zero value while there is none.
func (c *Cache[T]) Peek() T {
	if k, _ := c.look(AnyAge); k != nil {
		return k.value
	}
	var none T
	return none
}

// Put keeps what the answer to a write shows.
func (c *Cache[T]) Put(v T) { c.replace(&kept[T]{value: v, began: time.Now(), writes: c.written()}) }

// Forget drops the copy: something was written.
func (c *Cache[T]) Forget() { c.replace(nil) }

func (c *Cache[T]) replace(k *kept[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = k
	c.round++
	c.flight.Forget("")
}

// Of returns the one T that the client keeps for a package above it, and makes it at the first call. What the
// operations of one run share belongs to the client that Configure made, never to the process.
func Of[T any](c *Client) *T {
	kind := reflect.TypeFor[T]()
	if v, ok := c.kept.Load(kind); ok {
		return v.(*T)
	}
	v, _ := c.kept.LoadOrStore(kind, new(T))
	return v.(*T)
}

// Directory finds objects of one kind by key. It reads the first few one by one, and beyond that lists all at once: so
// one object costs one request, and a thousand cost three. A list that is there already is used from the first object
// on. What the list does not show is read by itself, because a list may lag, or show only what the caller may see. The
// zero value is ready.
type Directory[T any] struct {
	all  Cache[map[string]T]
	mu   sync.Mutex
	ones map[string]*Cache[T]
	ends bool // the list was refused, and is not tried again
}

// few is how many objects are read one by one before all are listed.
const few = 2

// Get finds the object of that key. A copy may be maxAge old, or [AnyAge]. one returns [ErrNotFound] for what is not
// there.
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

// Seek is Get without the read of an object that the list does not show, for a caller that only wants to know what was
// there.
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

// many notes that the object of that key is asked for, and reports whether to use the list first. It remembers no more
// of them than it takes to know.
func (d *Directory[T]) many(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ones) <= few {
		d.one(key)
	}
	return !d.ends && len(d.ones) > few
}

// single returns the cache of that one object.
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
