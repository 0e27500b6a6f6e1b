package client

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// AnyAge takes a kept copy however old it is: for the reads of one refresh, which nothing of this process changes meanwhile.
const AnyAge time.Duration = 0

// Lately is how old a copy may be when something is written on the strength of it. Terraform writes what depends on each
// other in order, and a copy that is older might be from before such a write by another provider.
const Lately = 10 * time.Second

// Shared is one read that many wait for and keep. Of errors only [ErrNotFound] is kept, and only for those who take a
// copy of any age. The work does not hang on the first caller's context: who gives up leaves, the others still get the
// answer. The zero value is ready.
type Shared[T any] struct {
	flight singleflight.Group
	mu     sync.Mutex
	kept   *kept[T]
	round  int // counts what was forgotten or replaced, so that a read begun before is not kept after
}

type kept[T any] struct {
	value T
	err   error
	began time.Time // of the read, so that a change during it counts as after it
}

// Get gives the copy when it is no older than maxAge (or [AnyAge]), else reads.
func (s *Shared[T]) Get(ctx context.Context, maxAge time.Duration, read func(context.Context) (T, error)) (T, error) {
	if k, _ := s.look(maxAge); k != nil {
		return k.value, k.err
	}
	k, err := s.fly(ctx, read, func() *kept[T] { k, _ := s.look(maxAge); return k })
	return k.value, err
}

// GetSince gives an answer to a read that began no earlier than that. Whoever comes while an older read is under way shares
// the one after it, so many at once are two reads.
func (s *Shared[T]) GetSince(ctx context.Context, since time.Time, read func(context.Context) (T, error)) (T, error) {
	fresh := func() *kept[T] {
		if k, _ := s.look(AnyAge); k != nil && !k.began.Before(since) {
			return k
		}
		return nil
	}
	for {
		if k := fresh(); k != nil {
			return k.value, k.err
		}
		if k, err := s.fly(ctx, read, fresh); err != nil || !k.began.Before(since) {
			return k.value, err
		}
	}
}

// fly reads, or waits for the read that is under way, and gives its answer. copied is asked once more before a new read:
// another one may have ended since.
func (s *Shared[T]) fly(ctx context.Context, read func(context.Context) (T, error), copied func() *kept[T]) (kept[T], error) {
	done := s.flight.DoChan("", func() (any, error) {
		if k := copied(); k != nil {
			return *k, k.err
		}
		_, round := s.look(AnyAge)
		k := kept[T]{began: time.Now()}
		k.value, k.err = read(context.WithoutCancel(ctx))
		if k.err == nil || errors.Is(k.err, ErrNotFound) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.round == round {
				s.kept = &k
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

func (s *Shared[T]) look(maxAge time.Duration) (k *kept[T], round int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k = s.kept
	if k != nil && maxAge != AnyAge && (k.err != nil || time.Since(k.began) > maxAge) {
		k = nil
	}
	return k, s.round
}

// Peek is the copy, or the zero value while there is none.
func (s *Shared[T]) Peek() T {
	if k, _ := s.look(AnyAge); k != nil {
		return k.value
	}
	var none T
	return none
}

// Put keeps what the answer to a write showed.
func (s *Shared[T]) Put(v T) { s.replace(&kept[T]{value: v, began: time.Now()}) }

// Forget drops the copy: somebody has written.
func (s *Shared[T]) Forget() { s.replace(nil) }

func (s *Shared[T]) replace(k *kept[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = k
	s.round++
	s.flight.Forget("")
}

// Of is the one T that the client keeps for a package above it; the first call makes it. What is shared between the
// operations of one run belongs to the client that Configure made, never to the process.
func Of[T any](c *Client) *T {
	kind := reflect.TypeFor[T]()
	if v, ok := c.kept.Load(kind); ok {
		return v.(*T)
	}
	v, _ := c.kept.LoadOrStore(kind, new(T))
	return v.(*T)
}

// Directory finds objects of one kind by key. The first few that are asked for are read one by one, and once there are
// more, all are listed at once: so one object costs one request, and a thousand cost three. A list that somebody else has
// asked for already is used from the first one on. What the list does not show
// is asked for by itself, because a list may lag, or show only what the caller may see. The zero value is ready.
type Directory[T any] struct {
	all  Shared[map[string]T]
	mu   sync.Mutex
	ones map[string]*Shared[T]
	ends bool // the list was refused: it is not asked for again
}

// few is how many objects are read one by one before all are listed.
const few = 2

// Get finds the object of that key. A copy may be maxAge old, or [AnyAge]. one gives [ErrNotFound] for what is not there.
func (d *Directory[T]) Get(ctx context.Context, key string, maxAge time.Duration, one func(context.Context) (T, error), list func(context.Context) (map[string]T, error)) (T, error) {
	v, _, err := d.get(ctx, key, maxAge, one, list, true)
	return v, err
}

// Seek is Get for whoever only wants to know what was there: what the list does not show is not asked for by itself.
func (d *Directory[T]) Seek(ctx context.Context, key string, maxAge time.Duration, one func(context.Context) (T, error), list func(context.Context) (map[string]T, error)) (v T, found bool, err error) {
	v, found, err = d.get(ctx, key, maxAge, one, list, false)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return v, found, err
}

func (d *Directory[T]) get(ctx context.Context, key string, maxAge time.Duration, one func(context.Context) (T, error), list func(context.Context) (map[string]T, error), confirm bool) (v T, found bool, err error) {
	single, listed := d.of(key)
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
	v, err = single.Get(ctx, maxAge, one)
	return v, err == nil, err
}

// of gives the read of that one object, and whether the list is to be asked first.
func (d *Directory[T]) of(key string) (single *Shared[T], listed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ones == nil {
		d.ones = map[string]*Shared[T]{}
	}
	single, known := d.ones[key]
	if !known {
		single = &Shared[T]{}
		d.ones[key] = single
	}
	return single, !d.ends && len(d.ones) > few
}
