package server

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestStopWaitsForTheAnswerOfAChange checks that a termination waits if a change has just returned its answer, because
// the answer may not have been sent yet.
func TestStopWaitsForTheAnswerOfAChange(t *testing.T) {
	t.Parallel()
	const limit = 8 * time.Second
	for name, tc := range map[string]struct {
		change    bool          // whether there is a change
		ends      time.Duration // when the change ends, after the termination; negative if before
		wantStops time.Duration // when Stop returns, after the termination
	}{
		"no change":                       {},
		"a change that has just ended":    {change: true, ends: -time.Millisecond, wantStops: sending - time.Millisecond},
		"a change that ended a while ago": {change: true, ends: -sending},
		"a change under way":              {change: true, ends: time.Second, wantStops: time.Second + sending},
		"a change that takes too long":    {change: true, ends: time.Minute, wantStops: limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p Process
				if tc.change {
					_, done, err := p.begin(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if tc.ends < 0 {
						done()
						time.Sleep(-tc.ends)
					} else {
						time.AfterFunc(tc.ends, done)
					}
				}
				began := time.Now()
				p.Stop(limit)
				if took := time.Since(began); took != tc.wantStops {
					t.Errorf("it stopped after %s, not %s", took, tc.wantStops)
				}
				if _, _, err := p.begin(t.Context()); err == nil {
					t.Error("another change began")
				}
				time.Sleep(time.Hour)
			})
		})
	}
}
