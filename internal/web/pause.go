package web

import (
	"context"
	"time"
)

// Pause sleeps for d. When ctx ends earlier, Pause returns the error of ctx at once.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Outlive returns a context that ends d after ctx has ended. It is for work that a stopped run should still finish. end
// releases it.
func Outlive(ctx context.Context, d time.Duration) (longer context.Context, end context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = Pause(longer, d) // ends early if longer is released
		cancel()
	})
	return longer, func() {
		stop()
		cancel()
	}
}
