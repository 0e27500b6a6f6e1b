package client

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Answer holds what the answers to the calls of one context told beside their bodies.
type Answer struct {
	mu   sync.Mutex
	date time.Time
}

type answerKey struct{}

// Watch makes a context whose calls report to the Answer.
func Watch(ctx context.Context) (context.Context, *Answer) {
	a := &Answer{}
	return context.WithValue(ctx, answerKey{}, a), a
}

// Now is the service's clock as of the last answer, else this machine's: a machine whose clock is wrong must not decide
// that a token has expired.
func (a *Answer) Now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.date.IsZero() {
		return time.Now().UTC()
	}
	return a.date
}

func observe(ctx context.Context, h http.Header) {
	a, ok := ctx.Value(answerKey{}).(*Answer)
	if !ok {
		return
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		a.mu.Lock()
		a.date = date.UTC()
		a.mu.Unlock()
	}
}
