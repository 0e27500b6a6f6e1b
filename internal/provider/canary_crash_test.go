//go:build linux

package provider_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A provider that crashes writes a dump of every goroutine to Terraform's log and output, with no secret in it.
func TestSecretsStayOutOfACrash(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.w.Env["TF_VAR_secret"] = s.w.ScoringSecret
	s.cli.Rewrite(t, secretVariables("secret")+ownTokenHCL(s.w.ScoringApp.ClientID, bySecretVariable))
	s.w.Tenant.Faults.Add(emulator.Fault{
		Service: "workspace", Method: "POST", Path: "/api/2.0/token/create", Delay: time.Hour,
	})
	cmd := s.cli.Command(t, "apply", "-auto-approve")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acctest.When(func() bool { return len(s.w.Tenant.Faults.Unmet()) == 0 }, func() {
		for _, pid := range childrenOf(cmd.Process.Pid) {
			if err := syscall.Kill(pid, syscall.SIGABRT); err != nil { // the Go runtime writes a dump and ends
				t.Error(err)
			}
		}
	})
	if err := cmd.Wait(); err == nil {
		t.Error("the apply ended well")
	}
	s.shown["apply"], s.shown["apply (log)"] = stdout.String(), stderr.String()
	if !strings.Contains(stderr.String(), "SIGABRT") || !strings.Contains(stderr.String(), "goroutine ") {
		t.Error("there is no dump, so it proves nothing")
	}
	s.mustNotBeFound(t, s.shown, s.cli.Dir)
}

// childrenOf returns the ids of the running processes that a process has started.
func childrenOf(parent int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	var pids []int
	for _, name := range lists {
		text, _ := os.ReadFile(name) // the process may end meanwhile
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
