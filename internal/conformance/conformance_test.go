package conformance_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/conformance"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// TestTheEmulatorConforms checks that the emulator, with its default switches, fulfils every statement. The run must
// name no switch and leave the workspace and the vault unchanged.
func TestTheEmulatorConforms(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	before := l.state(t)
	report := l.run(t.Context(), true)
	for _, r := range report.Results {
		switch {
		case r.Verdict == conformance.Holds, r.Verdict == conformance.Open && len(r.Outcome.Switches) == 0:
		// the check needs a workspace in which tokens are disabled
		case r.Verdict == conformance.Skipped && r.Name == "tokens/off":
		default:
			t.Errorf("%s: %s, seen %s, switches %v", r.Name, r.Verdict, r.Seen, r.Outcome.Switches)
		}
	}
	if len(report.Results) != len(conformance.Checks()) || report.Code() != 0 || len(report.Left) > 0 {
		t.Errorf("%d results, code %d, left %q", len(report.Results), report.Code(), report.Left)
	}
	if after := l.state(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	out := printed(t, report)
	for _, token := range l.transport.sent {
		if strings.HasPrefix(token, "ey") && strings.Contains(out, token) {
			t.Error("a token was printed")
		}
	}
	if strings.Contains(out, "dapi") || !strings.Contains(out, "at their defaults") {
		t.Error(out)
	}
}

// TestRunWithoutWriteSendsOnlyGET checks that a run without Write sends only GET requests to the workspace and to the
// vault, even if the target names an endpoint's model and a vault.
func TestRunWithoutWriteSendsOnlyGET(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	before := l.state(t)
	report := l.run(t.Context(), false)
	for _, r := range report.Results {
		if r.Writes || r.Verdict == conformance.Wrong || r.Verdict == conformance.Failed {
			t.Errorf("%s: %s, seen %s", r.Name, r.Verdict, r.Seen)
		}
	}
	for _, e := range l.Tenant.Journal.Entries() {
		if (e.Service == "workspace" || e.Service == "vault") && e.Method != http.MethodGet {
			t.Errorf("%s %s", e.Method, e.Path)
		}
	}
	if after := l.state(t); after != before || report.Code() != 0 {
		t.Errorf("code %d, before:\n%s\nafter:\n%s", report.Code(), before, after)
	}
}

// TestInterrupt interrupts runs after different numbers of requests. It checks that each run removes everything that it
// has created until then.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for at := 40; at < 220; at += 11 {
		l := newLab(t)
		before := l.state(t)
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		l.transport.see = func(*http.Request) {
			if seen++; seen == at {
				cancel()
			}
		}
		report := l.run(ctx, true)
		cancel()
		if after := l.state(t); after != before || len(report.Left) > 0 {
			t.Errorf("after %d requests: left %q, before:\n%s\nafter:\n%s", at, report.Left, before, after)
		}
	}
}

// TestLostAnswers checks that a run finds and removes an object whose creation succeeded although its answer was lost.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/api/2.0/preview/scim/v2/ServicePrincipals", "/api/2.0/token/create", "/api/2.0/serving-endpoints",
	} {
		l := newLab(t)
		before := l.state(t)
		l.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: path, Drop: "after"})
		report := l.run(t.Context(), true)
		if after := l.state(t); after != before || len(report.Left) > 0 || report.Code() == 0 {
			t.Errorf("%s: code %d, left %q, before:\n%s\nafter:\n%s", path, report.Code(), report.Left, before, after)
		}
	}
}

// TestReportNamesRemainingObjects checks that the report names an object that could not be removed, even if the service
// answered the removal with a success.
func TestReportNamesRemainingObjects(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"refused": {Method: "DELETE", Path: "/api/2.0/preview/scim/v2/ServicePrincipals/*", Times: -1, Status: 500},
		"claimed": {Method: "DELETE", Path: "/api/2.0/preview/scim/v2/ServicePrincipals/*", Times: -1, Status: 200, HTML: true},
	} {
		l := newLab(t)
		fault.Service = "workspace"
		l.Tenant.Faults.Add(fault)
		report := l.run(t.Context(), true)
		if len(report.Left) == 0 || !strings.HasPrefix(report.Left[0], "service principal ") || report.Code() != 1 {
			t.Errorf("%s: code %d, left %q", name, report.Code(), report.Left)
		}
		if out := printed(t, report); !strings.Contains(out, "left behind: service principal ") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestExitCodes checks that the exit code is 1 if a statement is wrong and 2 if a check gets no answer, and that the
// report names the wrong statement.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := "/api/2.0/serving-endpoints"
	page := emulator.Fault{Service: "workspace", Path: path, Times: -1, Status: 200, HTML: true, Message: "Sign in"}
	l.Tenant.Faults.Add(page)
	report := l.run(t.Context(), false)
	out := printed(t, report)
	if report.Code() != 1 || !strings.Contains(out, "wrong: serving/list") || !strings.Contains(out, "Sign in") {
		t.Errorf("%d\n%s", report.Code(), out)
	}
	l.Tenant.Faults.Clear()
	l.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: path, Times: -1, Drop: "before"})
	if report = l.run(t.Context(), false); report.Code() != 2 {
		t.Errorf("%d\n%s", report.Code(), printed(t, report))
	}
}
