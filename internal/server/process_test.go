package server

import (
	"testing"
	"testing/synctest"
	"time"
)

// A change that has just returned its answer may not have sent it yet: a termination in that moment must not take it along.
func TestStopWaitsForTheAnswerOfAChange(t *testing.T) {
	t.Parallel()
	const limit = 8 * time.Second
	for name, tc := range map[string]struct {
		change    bool          // there was one
		ends      time.Duration // after the termination came; negative: before
		wantStops time.Duration // after the termination came
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
