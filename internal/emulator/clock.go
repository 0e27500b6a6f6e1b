package emulator

import (
	"sync/atomic"
	"time"
)

// A Clock is real time plus an offset that a test moves by hand, so that the test can let things expire without
// sleeping. The zero value shows real time. The services write the clock's time into the Date header of every answer,
// which by RFC 9110 section 6.6.1 is the origin server's own time.
type Clock struct {
	offset atomic.Int64
}

// Now returns the time, in UTC, that the emulated services take for the current time.
func (c *Clock) Now() time.Time {
	return time.Now().UTC().Add(time.Duration(c.offset.Load()))
}

// Advance moves the clock forward by d, or back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.offset.Add(int64(d))
}

// Offset returns how far the clock is ahead of real time. It is negative if the clock is behind.
func (c *Clock) Offset() time.Duration {
	return time.Duration(c.offset.Load())
}
