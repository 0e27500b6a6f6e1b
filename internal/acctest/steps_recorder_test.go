package acctest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// recorder is a test object that records failures without failing the real test, which inspects the failures.
type recorder struct {
	testing.TB

	mu     sync.Mutex
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fail()             { r.Errorf("failed") }
func (r *recorder) FailNow()          { r.Fail(); runtime.Goexit() }
func (r *recorder) Fatal(args ...any) { r.Error(args...); runtime.Goexit() }
func (r *recorder) Parallel()         {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.errors) > 0
}

// verdict runs the steps and returns the failures of their test, or an empty string if the test passed.
func verdict(t *testing.T, s *shelf, steps []resource.TestStep) string {
	t.Helper()
	r, done := &recorder{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		if !byCLI() {
			test(r, s.serve, &description{}, steps)
			return
		}
		providers := map[string]func() (tfprotov6.ProviderServer, error){
			"dbxaccess": func() (tfprotov6.ProviderServer, error) { return s.serve(), nil },
		}
		resource.UnitTest(r, resource.TestCase{Steps: steps, ProtoV6ProviderFactories: providers})
	}()
	<-done
	return strings.Join(r.errors, "\n")
}

func byCLI() bool { return os.Getenv("TF_ACC_EVERY_STEP_BY_CLI") != "" }
