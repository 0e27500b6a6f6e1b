package storm_test

import (
	"flag"
	"os"
	"testing"
)

// Where nothing else is asked for, each test draws this many storms, and always the same ones: a test that fails has failed
// over a change. `make storm` draws others.
const (
	storms = "90"
	seed   = "1"
)

// TestMain writes what was met into the file that STORM_TABLE names.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": storms, "rapid.seed": seed} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if name := os.Getenv("STORM_TABLE"); name != "" {
		if err := os.WriteFile(name, []byte(total.table()), 0o644); err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}
