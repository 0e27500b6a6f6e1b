// Package conformance is what this provider and its emulator believe about Azure Databricks, as a list of checks that
// can be run: against the emulator, in an ordinary test, and against a real workspace, with make conformance.
//
// A [Check] is one statement and the page or the record that it comes from. It asks in plain HTTP and decodes JSON into
// maps: neither the provider's client nor the emulator's types take part, because a field that both spell wrongly would
// look right.
//
// Some statements are settled: the workspace does it, or the statement is wrong. Others are open: public sources leave
// them out, or contradict each other, and the emulator has a switch for each answer. Such a check says which switch
// makes the emulator behave as the workspace that was asked.
//
// Reading is the default. With [Options.Write] the checks also create service principals, tokens, grants, an endpoint
// and a secret, under one prefix; they remove all of it again, also after an interrupt, and read back that it is gone.
package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Login gets an access token for a scope such as "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default".
type Login func(ctx context.Context, scope string) (string, error)

// Target is what is asked.
type Target struct {
	// Host is the workspace, as https://adb-….azuredatabricks.net.
	Host string
	// WorkspaceID is sent with each request, if it is set: a host may serve several workspaces.
	WorkspaceID string
	// Login is who asks: an admin of the workspace, or fewer checks can be made.
	Login Login
	// DatabricksScope, ManagementScope and VaultScope are the scopes of the cloud in use.
	DatabricksScope, ManagementScope, VaultScope string
	// Authority is where tokens come from, as https://login.microsoftonline.com/<tenant>; empty if it is not known.
	Authority string

	// Endpoint is a serving endpoint whose access list may be changed; empty for none.
	Endpoint string
	// Model is a model and its version, as main.default.iris/1, for an endpoint of the run's own; empty for none.
	Model string
	// Vault is the address of a Key Vault; empty for none.
	Vault string
	// Second is an application that is not in the workspace; nil for none.
	Second *Application
}

// An Application is one that can log in.
type Application struct {
	ClientID string
	Login    Login
}

// Options say how far a run may go.
type Options struct {
	// Write also makes the checks that create things.
	Write bool
	// Wait bounds the wait for what the service does late; 0 for one minute.
	Wait time.Duration
	// Transport carries the requests.
	Transport http.RoundTripper
	// Clock passes the time between two looks at the service; nil for the machine's.
	Clock Clock
}

// A Clock tells the time and lets it pass.
type Clock interface {
	Now() time.Time
	// Sleep lets a duration pass; it reports false if ctx ended before.
	Sleep(ctx context.Context, d time.Duration) bool
}

// A Verdict is the outcome of one check.
type Verdict string

// The verdicts.
const (
	Holds   Verdict = "holds"
	Wrong   Verdict = "WRONG"
	Open    Verdict = "open"    // an open point, which a switch of the emulator describes
	Skipped Verdict = "skipped" // the run has not what the check needs
	Failed  Verdict = "failed"  // there was no answer to judge
)

// A Switch is a switch of the emulator that describes an answer. Of is "entra", "workspace" or "vault".
type Switch struct {
	Of, Name string
	Value    any
}

// A Check is one statement about the service.
type Check struct {
	// Name is the part of the API and what is checked there, such as tokens/update.
	Name      string
	Statement string
	// Source is the page, or the record, that says so.
	Source string
	// Expected is what is seen if the statement holds or, where no documentation makes one, what the emulator does by
	// default.
	Expected string
	// Switches are the names of the emulator's switches that the result of the check decides; none where the statement
	// is documented.
	Switches []string
	// Writes is whether the check changes something.
	Writes bool

	run func(ctx context.Context, p *probe) Outcome
}

// An Outcome is what a check saw.
type Outcome struct {
	Verdict Verdict
	Seen    string
	// Switches are those that describe the answer; none is the emulator's default.
	Switches []Switch
}

// A Result is a check with its outcome.
type Result struct {
	Check
	Outcome
}

// A Report is the outcome of a run.
type Report struct {
	Results []Result
	// Left is what the run created and could not remove, or could not show to be gone.
	Left []string
}

// Checks are all checks, those that only read first.
func Checks() []Check {
	all := slices.Concat(entryChecks(), entraChecks(), scimChecks(), servingChecks(), permissionChecks(), tokenChecks(),
		oauthChecks(), vaultChecks())
	slices.SortStableFunc(all, func(a, b Check) int { return cmp.Compare(phase(a), phase(b)) })
	return all
}

// phase orders the checks: reading first, and what deletes an endpoint or a principal after what needs it.
func phase(c Check) int {
	switch {
	case !c.Writes:
		return 0
	case c.Name == first:
		return 1
	case slices.Contains(last, c.Name):
		return 3 + slices.Index(last, c.Name)
	}
	return 2
}

// first is the first check that writes: it counts from the moment at which the service principal is made.
const first = "permissions/known"

// last are the checks that end what others need, in their order.
var last = []string{
	"oauth/delete", "permissions/put-removes", "permissions/stale-grants", "serving/deleted-list", "serving/recreated",
	"scim/delete", "scim/identity-federation",
}

// Run makes the checks one after the other. When ctx ends, the rest is skipped; what was created is removed all the
// same.
func Run(ctx context.Context, target Target, options Options) Report {
	p := newProbe(target, options)
	var report Report
	for _, check := range Checks() {
		if check.Writes && !options.Write {
			continue
		}
		report.Results = append(report.Results, Result{check, p.judge(ctx, check)})
	}
	report.Left = p.undo(context.WithoutCancel(ctx))
	return report
}

// judge makes one check.
func (p *probe) judge(ctx context.Context, check Check) Outcome {
	if ctx.Err() != nil {
		return skipped("interrupted")
	}
	if p.closed != "" && !strings.HasPrefix(check.Name, "entra/") && !strings.HasPrefix(check.Name, "keyvault/") {
		return skipped(p.closed)
	}
	p.writing = check.Writes
	outcome := check.run(ctx, p)
	if ctx.Err() != nil && outcome.Verdict != Holds {
		return skipped("interrupted")
	}
	outcome.Seen = p.scrub(outcome.Seen)
	return outcome
}

// Code is the exit code that a report deserves: 0 when every statement holds or is open, 1 when one is wrong or
// something was left behind, 2 when a check got no answer.
func (r Report) Code() int {
	verdict := func(v Verdict) bool {
		return slices.ContainsFunc(r.Results, func(result Result) bool { return result.Verdict == v })
	}
	switch {
	case verdict(Wrong) || len(r.Left) > 0:
		return 1
	case verdict(Failed):
		return 2
	}
	return 0
}

// Switches are the switches of the emulator that make it behave as the workspace that was asked, without those that
// are at their default.
func (r Report) Switches() []Switch {
	var all []Switch
	for _, result := range r.Results {
		for _, s := range result.Outcome.Switches {
			if !slices.ContainsFunc(all, func(other Switch) bool { return other.Of == s.Of && other.Name == s.Name }) {
				all = append(all, s)
			}
		}
	}
	return all
}

func holds(format string, args ...any) Outcome {
	return Outcome{Verdict: Holds, Seen: fmt.Sprintf(format, args...)}
}

func wrong(format string, args ...any) Outcome {
	return Outcome{Verdict: Wrong, Seen: fmt.Sprintf(format, args...)}
}

func skipped(why string) Outcome { return Outcome{Verdict: Skipped, Seen: why} }

// open is the outcome of an open point; without switches it is the emulator's default.
func open(seen string, switches ...Switch) Outcome {
	return Outcome{Verdict: Open, Seen: seen, Switches: switches}
}

func workspaceSwitch(name string, value any) Switch { return Switch{"workspace", name, value} }

// byAnswer judges a settled statement by whether an answer is as it says.
func byAnswer(a answer, as bool) Outcome {
	switch {
	case a.err != nil:
		return failed(a.err)
	case as:
		return holds("%s", a)
	}
	return wrong("%s", a)
}

// failed tells why there is nothing to judge.
func failed(err error) Outcome {
	if why, ok := errors.AsType[missing](err); ok {
		return skipped(string(why))
	}
	return Outcome{Verdict: Failed, Seen: err.Error()}
}

// missing is an error that tells what a run lacks for a check.
type missing string

func (m missing) Error() string { return string(m) }
