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

// TestCollectLess counts the garbage collections of a small heap, and checks that a large heap is collected as by
// default.
func TestCollectLess(t *testing.T) {
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	t.Cleanup(func() { debug.SetGCPercent(100) })
	CollectLess()
	runtime.GC() // collects the garbage of earlier tests
	runtime.GC()
	// By default, Go collects a small heap some hundred times for that much garbage. The exact number depends on what
	// else this process keeps in memory, so the test checks only the order of magnitude.
	if n := collections(256 << 20); n > 40 {
		t.Errorf("256 MB of garbage were collected %d times", n)
	}
	large := make([]byte, 64<<20)
	for range 1000 { // the cleanup runs in another goroutine
		if runtime.GC(); percent() == 100 {
			runtime.KeepAlive(large)
			return
		}
	}
	t.Errorf("a heap of 64 MB grows by %d%%", percent())
}

// collections returns how many garbage collections happen while that many bytes of garbage are made.
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
