package server

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// roomForGarbage is how much garbage may pile up between two collections, in bytes, however little of the heap is in
// use.
const roomForGarbage = 16 << 20

// CollectLess lets the garbage of a small heap pile up to some megabytes. Left alone, Go collects a heap of few
// megabytes each time it has doubled: in a plan of a thousand resources that is more than a hundred times, and a fifth
// of the provider's CPU time. A larger heap is collected as Go does it, so it needs no more memory than before. It is
// for a process that serves one provider, and not for one in which somebody has set GOGC.
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
		smallest   = 4 << 20 // at the start nothing has been counted, and Go collects no heap that is smaller
	)
	return max(asGoDoesIt, int(100*roomForGarbage/max(live, smallest)))
}

// afterEachCollection runs f each time garbage has been collected.
func afterEachCollection(f func()) {
	// Go may put objects of less than 16 bytes into one block of memory, which is freed only when none is in use.
	garbage := new([16]byte)
	runtime.AddCleanup(garbage, func(f func()) {
		f()
		afterEachCollection(f)
	}, f)
}
