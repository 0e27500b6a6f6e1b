package client

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCacheReadsOnce(t *testing.T) {
	t.Parallel()
	// Many rounds are needed, because the gap between checking the copy and joining a read is narrow.
	for range 200 {
		var s Cache[int]
		var reads atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				v, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) {
					return int(reads.Add(1)), nil
				})
				if v != 1 || err != nil {
					t.Errorf("%d, %v", v, err)
				}
			})
		}
		all.Wait()
		if reads.Load() != 1 {
			t.Fatalf("%d reads", reads.Load())
		}
	}
}

func TestCacheDoesNotKeepErrors(t *testing.T) {
	t.Parallel()
	var s Cache[int]
	oops := errors.New("oops")
	if _, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) {
		return 1, oops
	}); !errors.Is(err, oops) {
		t.Errorf("%v", err)
	}
	if v, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) {
		return 2, nil
	}); v != 2 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}

// TestCacheReadContinuesWithoutFirstCaller checks that a read goes on for a second caller when its first caller stops
// waiting.
func TestCacheReadContinuesWithoutFirstCaller(t *testing.T) {
	t.Parallel()
	var s Cache[int]
	started, finish := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := s.Get(ctx, AnyAge, func(ctx context.Context) (int, error) {
			close(started)
			<-finish
			return 7, ctx.Err()
		})
		first <- err
	}()
	<-started
	go func() {
		v, err := s.Get(t.Context(), AnyAge, func(context.Context) (int, error) {
			return 0, errors.New("a second read")
		})
		if v != 7 && err == nil {
			err = errors.New("another value")
		}
		second <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("first: %v", err)
	}
	close(finish)
	// The second caller may have joined the read, or come after it. In both cases there is one read, and its value is
	// kept.
	if err := <-second; err != nil {
		t.Errorf("second: %v", err)
	}
}

// TestCacheForgetDuringARead checks that the result of a read during which somebody writes is returned to those who
// wait for it, and is not kept.
func TestCacheForgetDuringARead(t *testing.T) {
	t.Parallel()
	var s Cache[string]
	started, finish, done := make(chan struct{}), make(chan struct{}), make(chan string)
	go func() {
		v, _ := s.Get(t.Context(), AnyAge, func(context.Context) (string, error) {
			close(started)
			<-finish
			return "before", nil
		})
		done <- v
	}()
	<-started
	s.Forget()
	after := func(context.Context) (string, error) { return "after", nil }
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if v, _ := s.Get(ctx, AnyAge, after); v != "after" {
		t.Errorf("a read that began after the write got %q", v)
	}
	close(finish)
	if v := <-done; v != "before" {
		t.Errorf("who waited got %q", v)
	}
	if v, _ := s.Get(t.Context(), AnyAge, after); v != "after" {
		t.Errorf("the read from before the write was kept: %q", v)
	}
}

func TestCacheForget(t *testing.T) {
	t.Parallel()
	var s Cache[int]
	n := 0
	read := func(context.Context) (int, error) { n++; return n, nil }
	for range 2 {
		if v, _ := s.Get(t.Context(), AnyAge, read); v != 1 {
			t.Errorf("%d", v)
		}
	}
	s.Forget()
	if v, _ := s.Get(t.Context(), AnyAge, read); v != 2 {
		t.Errorf("%d", v)
	}
}

// TestCacheMaxAge checks that a copy which is too old, or which only says "not found", is not returned to a caller with
// a limit of age.
func TestCacheMaxAge(t *testing.T) {
	t.Parallel()
	var s Cache[int]
	n := 0
	read := func(context.Context) (int, error) { n++; return n, nil }
	for _, c := range []struct {
		maxAge time.Duration
		want   int
	}{{AnyAge, 1}, {time.Hour, 1}, {time.Nanosecond, 2}, {AnyAge, 2}} {
		if v, _ := s.Get(t.Context(), c.maxAge, read); v != c.want {
			t.Errorf("at most %s old: %d, want %d", c.maxAge, v, c.want)
		}
	}
	s.Put(9)
	if v, _ := s.Get(t.Context(), time.Hour, read); v != 9 {
		t.Errorf("%d, want what a write showed", v)
	}

	var gone Cache[int]
	reads := 0
	absent := func(context.Context) (int, error) { reads++; return 0, ErrNotFound }
	for range 3 {
		if _, err := gone.Get(t.Context(), AnyAge, absent); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
	if reads != 1 {
		t.Errorf("%d reads of what is not there, want one for a refresh", reads)
	}
	if _, err := gone.Get(t.Context(), time.Hour, absent); !errors.Is(err, ErrNotFound) || reads != 2 {
		t.Errorf("%v after %d reads: before a write it is looked for again", err, reads)
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	var asked []string
	there := map[string]int{"a": 1, "b": 2, "c": 3, "d": 4}
	one := func(key string) func(context.Context) (int, error) {
		return func(context.Context) (int, error) {
			asked = append(asked, key)
			if v, ok := there[key]; ok {
				return v, nil
			}
			return 0, ErrNotFound
		}
	}
	refused := false
	list := func(context.Context) (map[string]int, error) {
		asked = append(asked, "list")
		if refused {
			return nil, ErrPermissionDenied
		}
		return map[string]int{"a": 1, "b": 2, "c": 3}, nil // the list lags behind: it lacks d
	}
	for _, refused = range []bool{false, true} {
		asked = nil
		d := Directory[int]{list: list}
		for _, key := range []string{"a", "a", "b", "c", "a", "d", "d", "e"} {
			v, err := d.Get(t.Context(), key, AnyAge, one(key))
			if v != there[key] || (err == nil) != (v != 0) {
				t.Errorf("%s: %d, %v", key, v, err)
			}
		}
		want := "a b list d e" // c is in the list; d is not, and is read by itself
		if refused {
			want = "a b list c d e" // the list is not requested again
		}
		if got := strings.Join(asked, " "); got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}

	// A caller of GetOrZero only wants to know what existed, so nothing that the list lacks is read by itself.
	asked, refused = nil, false
	d := Directory[int]{list: list}
	for _, key := range []string{"a", "x", "c", "y", "z"} {
		if v, err := d.GetOrZero(t.Context(), key, time.Hour, one(key)); err != nil || v != there[key] {
			t.Errorf("%s: %d, %v", key, v, err)
		}
	}
	if got := strings.Join(asked, " "); got != "a x list" {
		t.Errorf("asked %q", got)
	}
}

// TestGetSince checks that its callers never get the result of an older read, and that many callers at once share one
// read.
func TestGetSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s Cache[int]
		reads := 0
		read := func(context.Context) (int, error) {
			reads++
			n := reads
			time.Sleep(time.Second)
			return n, nil
		}
		go func() { _, _ = s.Get(t.Context(), AnyAge, read) }()
		time.Sleep(time.Millisecond)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if n, err := s.GetSince(t.Context(), time.Now(), read); n != 2 || err != nil {
					t.Errorf("got the answer of read %d, error %v", n, err)
				}
			})
		}
		all.Wait()
		if reads != 2 {
			t.Errorf("%d reads", reads)
		}
	})
}

// TestCacheReadStartedBeforeAWrite checks that a caller after a write gets the result of a later read, even while a
// read from before the write is under way.
func TestCacheReadStartedBeforeAWrite(t *testing.T) {
	t.Parallel()
	var writes atomic.Int64
	s := Cache[int64]{writes: &writes}
	started, finish := make(chan struct{}), make(chan struct{})
	var first sync.Once
	read := func(context.Context) (int64, error) {
		seen := writes.Load()
		first.Do(func() {
			close(started)
			<-finish
		})
		return seen, nil
	}
	go func() { _, _ = s.Get(t.Context(), AnyAge, read) }()
	<-started
	writes.Add(1)
	time.AfterFunc(100*time.Millisecond, func() { close(finish) })
	if v, err := s.Get(t.Context(), AnyAge, read); v != 1 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}
