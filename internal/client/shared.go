package client

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"
)

// shared is one read that many wait for and keep. A failed read is not kept. The work does not hang on the first
// caller's context: who gives up leaves, the others still get the answer.
type shared[T any] struct {
	flight singleflight.Group
	mu     sync.Mutex
	value  *T
	round  int // counts what was forgotten, so that a read begun before is not kept after
}

func (s *shared[T]) get(ctx context.Context, read func(context.Context) (T, error)) (T, error) {
	if kept, _ := s.look(); kept != nil {
		return *kept, nil
	}
	done := s.flight.DoChan("", func() (any, error) {
		kept, round := s.look() // once more: another flight may have landed since
		if kept != nil {
			return *kept, nil
		}
		v, err := read(context.WithoutCancel(ctx))
		if err != nil {
			return v, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.round == round {
			s.value = &v
		}
		return v, nil
	})
	select {
	case r := <-done:
		v, _ := r.Val.(T)
		return v, r.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (s *shared[T]) look() (kept *T, round int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, s.round
}

// peek is the copy, or the zero value while there is none.
func (s *shared[T]) peek() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value == nil {
		var none T
		return none
	}
	return *s.value
}

// forget drops the copy: somebody has written.
func (s *shared[T]) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = nil
	s.round++
	s.flight.Forget("")
}
