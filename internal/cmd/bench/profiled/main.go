// Command profiled is the provider with code that writes profiles into the folder BENCH_PROFILE: cpu.pprof, heap.pprof
// after a garbage collection at its end, and a file live with the size of that heap in bytes.
package main

import (
	"errors"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/server"
)

func main() {
	// The real provider sets these variables itself if no logs are requested.
	for _, name := range []string{"TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK",
		"TF_LOG_SDK_PROTO"} {
		if err := os.Setenv(name, "off"); err != nil {
			log.Fatal(err)
		}
	}
	if err := run(os.Getenv("BENCH_PROFILE")); err != nil {
		log.Fatal(err)
	}
}

func run(dir string) (err error) {
	cpu, err := os.Create(filepath.Join(dir, "cpu.pprof"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		server.CollectLess()
	}
	served := server.New(provider.New("0.0.0", os.LookupEnv)())
	err = tf6server.Serve("registry.terraform.io/dbxaccess/dbxaccess", func() tfprotov6.ProviderServer {
		return served
	})
	pprof.StopCPUProfile()
	err = errors.Join(err, cpu.Close(), writeHeap(dir))
	runtime.KeepAlive(served) // the heap profile must include what the server keeps
	return err
}

func writeHeap(dir string) error {
	runtime.GC()
	runtime.GC() // the first collection may only queue finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	heap, err := os.Create(filepath.Join(dir, "heap.pprof"))
	if err != nil {
		return err
	}
	return errors.Join(
		pprof.Lookup("heap").WriteTo(heap, 0), heap.Close(),
		os.WriteFile(filepath.Join(dir, "live"), strconv.AppendUint(nil, m.HeapAlloc, 10), 0o600),
	)
}
