package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The demo is the first thing that anybody runs, and stops at the first thing that is not as it says.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	demo := exec.CommandContext(t.Context(), "go", "run", "./internal/cmd/quickstart")
	demo.Dir = "../../.." // as make runs it
	out, err := demo.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All of it as expected") {
		t.Errorf("%v\n%s", err, out)
	}
}
