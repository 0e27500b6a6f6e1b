package client

import (
	"context"
	"time"
)

type patienceKey struct{}

// Patient gives one attempt of the calls of ctx at least d, where the provider's settings allow less: for what may
// legitimately take that long, and would be asked over and over if each attempt were cut short.
func Patient(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, d)
}

// attemptLimit bounds one attempt; 0 for not at all.
func (l *line) attemptLimit(ctx context.Context) time.Duration {
	d, ok := ctx.Value(patienceKey{}).(time.Duration)
	if !ok || l.timeout == 0 {
		return l.timeout
	}
	return max(d, l.timeout)
}
