package emulator

import (
	"sync/atomic"
	"time"
)

// A Clock is real time plus an offset moved by hand, so that a test meets an
// expiry without sleeping. The zero value shows real time. The services put it
// in the Date header of every answer, which RFC 9110 section 6.6.1 makes the
// origin's own account of now.
type Clock struct {
	offset atomic.Int64
}

// Now is the time the emulated services believe in, in UTC.
func (c *Clock) Now() time.Time {
	return time.Now().UTC().Add(time.Duration(c.offset.Load()))
}

// Advance moves the clock; a negative duration moves it back.
func (c *Clock) Advance(d time.Duration) {
	c.offset.Add(int64(d))
}

// Offset is how far the clock was moved from real time.
func (c *Clock) Offset() time.Duration {
	return time.Duration(c.offset.Load())
}
