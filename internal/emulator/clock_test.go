package emulator

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	var clock Clock
	if d := time.Since(clock.Now()); d < 0 || d > time.Second || clock.Now().Location() != time.UTC {
		t.Errorf("an unmoved clock is %s off, in %s", d, clock.Now().Location())
	}
	clock.Advance(90 * time.Minute)
	clock.Advance(-30 * time.Minute)
	if ahead := time.Until(clock.Now()); clock.Offset() != time.Hour || ahead < 59*time.Minute || ahead > time.Hour {
		t.Errorf("offset %s, %s ahead", clock.Offset(), ahead)
	}
}
