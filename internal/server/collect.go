package server

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// roomForGarbage is how many bytes of garbage may pile up between two collections, however small the live heap is.
const roomForGarbage = 16 << 20

// CollectLess lets some megabytes of garbage pile up before a small heap is collected. By default, Go collects a heap
// of few megabytes each time it has doubled. In a plan of a thousand resources that is more than a hundred collections,
// and a fifth of the provider's CPU time. A larger heap is collected as by default, so it needs no more memory than
// before. CollectLess is for a process that serves one provider, and in which nobody has set GOGC.
func CollectLess() {
	debug.SetGCPercent(growth(0))
	afterEachCollection(func() {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		debug.SetGCPercent(growth(live[0].Value.Uint64()))
	})
}

// growth returns by how many percent a heap with that many live bytes may grow until the next collection.
func growth(live uint64) int {
	const (
		asGoDoesIt = 100
		smallest   = 4 << 20 // Go collects no smaller heap, and live is 0 before the first collection
	)
	return max(asGoDoesIt, int(100*roomForGarbage/max(live, smallest)))
}

// afterEachCollection calls f after each garbage collection.
func afterEachCollection(f func()) {
	// Go may put several objects of less than 16 bytes into one block, which is freed only when none of them is in use.
	garbage := new([16]byte)
	runtime.AddCleanup(garbage, func(f func()) {
		f()
		afterEachCollection(f)
	}, f)
}
