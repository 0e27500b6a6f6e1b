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
