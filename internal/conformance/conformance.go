// Package conformance checks what this provider and its emulator assume about Azure Databricks, Entra ID and Azure Key
// Vault. An ordinary test runs the checks against the emulator, and make conformance runs them against a real
// workspace.
//
// A [Check] is one statement about a service, together with the page or the recording that the statement comes from. A
// check sends plain HTTP requests and decodes JSON into maps. It uses neither the provider's client nor the emulator's
// types, because it would not notice a field name that both misspell.
//
// Some statements are settled: the service either does what the statement says, or the statement is wrong. Other
// statements are open, because public sources do not mention the behaviour or contradict each other. The emulator then
// has a switch for each possible behaviour, and the check reports the switch that makes the emulator behave as the
// checked service does.
//
// By default a run only reads. With [Options.Write] the checks also create service principals, tokens, grants, a
// serving endpoint and a secret, all with one name prefix. The run removes all of these again, also after an interrupt,
// and reads back that they no longer exist.
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

// Login returns an access token for a scope such as "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default".
type Login func(ctx context.Context, scope string) (string, error)

// Target names the services that a run checks.
type Target struct {
	// Host is the address of the workspace, such as https://adb-….azuredatabricks.net.
	Host string
	// WorkspaceID is sent with each request if it is set, because one host may serve several workspaces.
	WorkspaceID string
	// Login logs in to the workspace. If it is not a workspace admin, some checks are skipped.
	Login Login
	// DatabricksScope, ManagementScope and VaultScope are the token scopes of Azure Databricks, Azure Resource Manager
	// and Key Vault in the cloud in use.
	DatabricksScope, ManagementScope, VaultScope string
	// Authority is the address of the tenant's login service, such as https://login.microsoftonline.com/<tenant>. It is
	// empty if it is not known.
	Authority string

	// Endpoint is the name of a serving endpoint whose access list the run may change, or empty.
	Endpoint string
	// Model is a model with its version, such as main.default.iris/1, from which the run may create its own serving
	// endpoint. It is empty if the run may not create one.
	Model string
	// Vault is the address of a Key Vault, or empty.
	Vault string
	// Second is an application that is not in the workspace, or nil.
	Second *Application
}

// An Application is an Entra ID application with which the run can log in.
type Application struct {
	ClientID string
	Login    Login
}

// Options limits what a run may do.
type Options struct {
	// Write allows the run to make the checks that create objects.
	Write bool
	// Wait is the longest time to wait for a delayed effect in a service; 0 means one minute.
	Wait time.Duration
	// Transport sends the HTTP requests.
	Transport http.RoundTripper
	// Clock measures and waits between repeated requests; nil means the system clock.
	Clock Clock
}

// A Clock returns the current time and waits.
type Clock interface {
	Now() time.Time
	// Sleep waits for the duration. It returns false if ctx ended first.
	Sleep(ctx context.Context, d time.Duration) bool
}

// A Verdict is the outcome of one check.
type Verdict string

// The possible verdicts of a check.
const (
	Holds Verdict = "holds"
	Wrong Verdict = "WRONG"
	// public documentation does not settle the behaviour; a switch of the emulator describes it
	Open    Verdict = "open"
	Skipped Verdict = "skipped" // the run lacks something that the check needs
	Failed  Verdict = "failed"  // the check got no answer that it could judge
)

// A Switch is a setting of the emulator that reproduces a service's behaviour. Of is the service: "entra", "workspace"
// or "vault".
type Switch struct {
	Of, Name string
	Value    any
}

// A Check is one statement about a service, and how to check it.
type Check struct {
	// Name is the part of the API and the behaviour that is checked, such as tokens/update.
	Name      string
	Statement string
	// Source is the page or the recording that the statement comes from.
	Source string
	// Expected describes the result if the statement holds. Where public documentation does not settle the statement,
	// it is the emulator's default behaviour.
	Expected string
	// Switches are the names of the emulator's switches whose values the result of the check determines. It is empty
	// where the documentation settles the statement.
	Switches []string
	// Writes is true if the check changes something in the service.
	Writes bool

	run func(ctx context.Context, p *probe) Outcome
}

// An Outcome is the verdict of a check and a description of what the check observed.
type Outcome struct {
	Verdict Verdict
	Seen    string
	// Switches are the settings of the emulator that reproduce the observed behaviour. If there are none, the emulator
	// behaves so by default.
	Switches []Switch
}

// A Result is a check together with its outcome.
type Result struct {
	Check
	Outcome
}

// A Report holds the results of a run.
type Report struct {
	Results []Result
	// Left describes the objects that the run created and could not remove, or whose removal it could not confirm.
	Left []string
}

// Checks returns all checks in the order of a run. Checks that only read come first.
func Checks() []Check {
	all := slices.Concat(entryChecks(), entraChecks(), scimChecks(), servingChecks(), permissionChecks(), tokenChecks(),
		oauthChecks(), vaultChecks())
	slices.SortStableFunc(all, func(a, b Check) int { return cmp.Compare(phase(a), phase(b)) })
	return all
}

// phase returns a number by which the checks are sorted. Checks that only read come first, and checks that delete an
// endpoint or a principal come after the checks that need it.
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

// first is the name of the first check that writes. It measures a delay from the creation of the service principal, so
// no other check may create that principal earlier.
const first = "permissions/known"

// last holds, in their order, the names of the checks that delete what other checks need.
var last = []string{
	"oauth/delete", "permissions/put-removes", "permissions/stale-grants", "serving/deleted-list", "serving/recreated",
	"scim/delete", "scim/identity-federation",
}

// Run makes the checks one after the other. If ctx ends, Run skips the remaining checks. In every case it removes what
// the checks created.
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

// judge makes one check and returns its outcome.
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

// Code returns the exit code for a report. It is 1 if a statement is wrong or a created object was not removed,
// otherwise 2 if a check got no answer that it could judge, and otherwise 0.
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

// Switches returns the settings that make the emulator behave as the checked services do. It leaves out settings that
// have their default value.
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

// open returns the outcome of a check whose statement public documentation does not settle. Without switches, the
// emulator's default describes what the check observed.
func open(seen string, switches ...Switch) Outcome {
	return Outcome{Verdict: Open, Seen: seen, Switches: switches}
}

func workspaceSwitch(name string, value any) Switch { return Switch{"workspace", name, value} }

// byAnswer returns the outcome of a settled statement: failed if there was no answer, otherwise holds if as is true,
// and wrong if as is false.
func byAnswer(a answer, as bool) Outcome {
	switch {
	case a.err != nil:
		return failed(a.err)
	case as:
		return holds("%s", a)
	}
	return wrong("%s", a)
}

// failed returns the outcome of a check that err prevented: skipped if the run lacks something that the check needs,
// and failed otherwise.
func failed(err error) Outcome {
	if why, ok := errors.AsType[missing](err); ok {
		return skipped(string(why))
	}
	return Outcome{Verdict: Failed, Seen: err.Error()}
}

// missing is an error that names what a run lacks for a check.
type missing string

func (m missing) Error() string { return string(m) }
