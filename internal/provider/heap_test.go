package provider_test

import (
	"runtime"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// mostLiveHeap is how many bytes a provider may keep in memory after 2000 requests.
const mostLiveHeap = 15 << 20

// TestLiveHeap measures the memory in use after many requests. It runs alone, because all tests of the process share
// one heap.
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
		t.Errorf("%d MB are still in memory after 2000 requests that have returned, of %d MB at most", kept>>20,
			mostLiveHeap>>20)
	}
	runtime.KeepAlive(p)
}

// liveHeap returns the number of reachable bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
