package provider_test

import (
	"runtime"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// mostLiveHeap is how much a provider may keep in memory for 2000 requests that have returned, in bytes.
const mostLiveHeap = 15 << 20

// TestLiveHeap counts what is still in memory after many requests. It runs alone, because the heap is the process's.
func TestLiveHeap(t *testing.T) {
	w := acctest.New(t)
	p := w.Protocol(t)
	grant := p.MustApply(t, "dbxaccess_serving_endpoint_permission", acctest.Object{}, map[string]any{
		"endpoint_name": "iris", "service_principal_name": w.Deployer.ClientID, "permission_level": "CAN_MANAGE",
		"overwrite_existing": true,
	})
	before := liveHeap()
	for range 2000 {
		p.MustRefresh(t, "dbxaccess_serving_endpoint_permission", grant)
	}
	kept := liveHeap() - before
	t.Logf("%d KB", kept>>10)
	if kept > mostLiveHeap {
		t.Errorf("%d MB are still in memory after 2000 requests that have returned, of %d MB at most", kept>>20, mostLiveHeap>>20)
	}
	runtime.KeepAlive(p)
}

// liveHeap is what is reachable, in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
