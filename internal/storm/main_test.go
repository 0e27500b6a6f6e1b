package storm_test

import (
	"flag"
	"os"
	"testing"
)

// storms and seed are the defaults of the flags for the number and the selection of storms. Each test then always draws
// the same storms, so that a failure is the result of a change in the code. `make storm` draws other storms.
const (
	storms = "30"
	seed   = "1"
)

// TestMain sets the defaults of the flags and runs the tests. It writes the counts of all storms into the file that
// STORM_TABLE names.
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
