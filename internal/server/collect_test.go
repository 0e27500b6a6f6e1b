package server

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGrowth(t *testing.T) {
	for live, want := range map[uint64]int{
		0:        400,
		4 << 20:  400,
		5 << 20:  320,
		8 << 20:  200,
		16 << 20: 100,
		17 << 20: 100,
		1 << 30:  100,
	} {
		if got := growth(live); got != want {
			t.Errorf("%d MB in use: grows by %d%%, want %d%%", live>>20, got, want)
		}
	}
}

// TestCollectLess counts the collections that a small heap needs, then looks that a large one is collected as Go does it.
func TestCollectLess(t *testing.T) {
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	t.Cleanup(func() { debug.SetGCPercent(100) })
	CollectLess()
	runtime.GC() // of what the tests before have left
	runtime.GC()
	// Go by itself collects a small heap some hundred times in that much garbage. How often exactly hangs on what else is in
	// use in this process, so this asks for the order only.
	if n := collections(256 << 20); n > 40 {
		t.Errorf("256 MB of garbage were collected %d times", n)
	}
	large := make([]byte, 64<<20)
	for range 1000 { // the cleanup runs in a goroutine of its own
		if runtime.GC(); percent() == 100 {
			runtime.KeepAlive(large)
			return
		}
	}
	t.Errorf("a heap of 64 MB grows by %d%%", percent())
}

// collections is how often that many bytes of garbage are collected.
func collections(bytes int) uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range bytes / len(sink) {
		sink = make([]byte, len(sink))
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

var sink = make([]byte, 64<<10)
