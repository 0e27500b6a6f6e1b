package storm_test

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A storm describes everything that will happen in one test run. It is data that is drawn before the run begins, so
// that a failing storm can be reduced to a smaller one and printed.
type storm struct {
	// for each stack: whether its provider logs in with a certificate instead of a client secret
	Certificate [stacks]bool
	Traced      bool // the provider logs at level trace, and the test searches the log for secrets
	Steps       []step
	Destroy     bool // whether all stacks are destroyed at the end
}

// A step is one part of a storm. Only one of the fields is set, except that Kind belongs to Fault and Latency to Run.
type step struct {
	Write *written // a new configuration of a stack
	Drift *drift   // a change by another actor
	Fault *emulator.Fault
	Kind  string // the kind of the fault
	Pass  time.Duration
	Run   []run // commands on one stack, or on both at the same time; all faults end after them
	// Latency is the delay of each answer while the commands run. While one command waits between its read and its
	// write of an access list, the other command writes.
	Latency time.Duration
}

// written is a new configuration of a stack.
type written struct {
	Stack int
	configuration
}

// A run is one `terraform apply` on a stack.
type run struct {
	Stack    int
	Parallel bool // resources that do not depend on each other are handled at the same time
	Events   []event
}

// An event happens at the given request of a command: before the service does the work or, if After is set, after it.
type event struct {
	Request int
	After   bool
	What    string // one of whats
	Drift   drift
	Clock   time.Duration
}

// The events that can happen during a command.
const (
	killProvider  = "SIGKILL of the provider"
	killTerraform = "SIGKILL of Terraform"
	killBoth      = "SIGKILL of both"
	interrupt     = "interrupt"
	otherActor    = "change by another actor"
	clockJump     = "jump of the service's clock"
)

var whats = []string{interrupt, otherActor, clockJump, killProvider, killTerraform, killBoth}

// stormsOf returns a generator of storms. If atOnce is set, several commands run at the same time.
func stormsOf(atOnce bool) *rapid.Generator[storm] {
	return rapid.Custom(func(t *rapid.T) storm { return drawStorm(t, atOnce) })
}

func drawStorm(t *rapid.T, atOnce bool) storm {
	s := storm{
		Certificate: [stacks]bool{rapid.Bool().Draw(t, "certificate"), rapid.Bool().Draw(t, "certificate")},
		Traced:      rapid.IntRange(0, 3).Draw(t, "traced") == 3,
		Destroy:     rapid.Bool().Draw(t, "destroy"),
	}
	for stack := range stacks {
		s.Steps = append(s.Steps, step{Write: &written{stack, configurations.Draw(t, "first configuration")}})
	}
	rounds := rapid.Custom(func(t *rapid.T) []step { return drawRound(t, atOnce) })
	for _, round := range rapid.SliceOfN(rounds, 2, 5).Draw(t, "rounds") {
		s.Steps = append(s.Steps, round...)
	}
	return s
}

// drawRound draws one round of a storm: changes, faults, and then the commands that meet them.
func drawRound(t *rapid.T, atOnce bool) (round []step) {
	if rapid.IntRange(0, 2).Draw(t, "write") == 2 {
		first := rapid.IntRange(0, stacks-1).Draw(t, "stack")
		round = append(round, step{Write: &written{first, configurations.Draw(t, "configuration")}})
		if atOnce { // otherwise two commands that both remove grants would undo each other's removals
			round = append(round, step{Write: &written{1 - first, configurations.Draw(t, "other configuration")}})
		}
	}
	for _, d := range rapid.SliceOfN(drifts, 0, 3).Draw(t, "drifts") {
		round = append(round, step{Drift: &d})
	}
	if hours := rapid.IntRange(-40, 40).Draw(t, "hours"); hours > 0 {
		round = append(round, step{Pass: time.Duration(hours) * time.Hour})
	}
	for _, kind := range rapid.SliceOfN(rapid.SampledFrom(faultKinds), 0, 4).Draw(t, "faults") {
		f := faultOf(t, kind)
		round = append(round, step{Fault: &f, Kind: kind})
	}
	last := step{Run: drawRuns(t, atOnce)}
	if atOnce {
		last.Latency = time.Duration(rapid.SampledFrom([]int{0, 10, 40, 150}).Draw(t, "latency")) * time.Millisecond
	}
	return append(round, last)
}

func drawRuns(t *rapid.T, atOnce bool) []run {
	one := run{Stack: rapid.IntRange(0, stacks-1).Draw(t, "stack"), Parallel: atOnce, Events: rapid.SliceOfN(events, 0,
		2).Draw(t, "events")}
	if !atOnce || rapid.Bool().Draw(t, "alone") {
		return []run{one}
	}
	return []run{one, {Stack: 1 - one.Stack, Parallel: true, Events: rapid.SliceOfN(events, 0, 1).Draw(t, "events")}}
}

var events = rapid.Custom(func(t *rapid.T) event {
	e := event{Request: rapid.IntRange(1, 40).Draw(t, "request"), After: rapid.Bool().Draw(t, "after the work"),
		What: rapid.SampledFrom(whats).Draw(t, "event")}
	switch e.What {
	case otherActor:
		e.Drift = drifts.Draw(t, "drift")
	case clockJump:
		e.Clock = time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute
	}
	return e
})

// routes holds the requests at which a fault can happen: the service, the method and the path.
var routes = [][3]string{
	{"entra", "POST", ""},
	{"workspace", "", ""},
	{"workspace", "GET", "/api/2.0/preview/scim/v2/ServicePrincipals"},
	{"workspace", "POST", "/api/2.0/preview/scim/v2/ServicePrincipals"},
	{"workspace", "PATCH", "/api/2.0/preview/scim/v2/ServicePrincipals/*"},
	{"workspace", "DELETE", "/api/2.0/preview/scim/v2/ServicePrincipals/*"},
	{"workspace", "GET", "/api/2.0/preview/scim/v2/Groups"},
	{"workspace", "PATCH", "/api/2.0/preview/scim/v2/Groups/*"},
	{"workspace", "GET", "/api/2.0/serving-endpoints/*"},
	{"workspace", "GET", "/api/2.0/permissions/**"},
	{"workspace", "PATCH", "/api/2.0/permissions/**"},
	{"workspace", "PUT", "/api/2.0/permissions/**"},
	{"workspace", "POST", "/api/2.0/token/create"},
	{"workspace", "POST", "/api/2.0/token/delete"},
	{"workspace", "GET", "/api/2.0/token/list"},
	{"workspace", "PATCH", "/api/2.0/token/*"},
	{"workspace", "GET", "/api/2.0/token-management/tokens"},
	{"workspace", "GET", "/api/2.0/token-management/tokens/*"},
	{"workspace", "DELETE", "/api/2.0/token-management/tokens/*"},
	{"vault", "", ""},
	{"vault", "GET", "/secrets/**"},
	{"vault", "PUT", "/secrets/**"},
	{"vault", "PATCH", "/secrets/**"},
}

// The kinds of faults.
const (
	refused       = "status, before the work"
	refusedAfter  = "status, after the work"
	gatewayPage   = "page of a gateway"
	signInPage    = "page with status 200"
	throttled     = "429"
	dropped       = "connection reset, before the work"
	droppedAfter  = "connection reset, after the work"
	slow          = "answer after the attempt was given up"
	cut           = "half an answer"
	emptyAnswer   = "empty answer with status 200"
	emptyObject   = "{} with status 200"
	unauthorized  = "401 in the middle of a run"
	reallyRefused = "403"
)

var faultKinds = []string{
	refused, refusedAfter, gatewayPage, signInPage, throttled, dropped, droppedAfter, slow, cut, emptyAnswer, emptyObject, unauthorized, reallyRefused,
}

var failures = []int{500, 502, 503, 504, 400, 404, 409}

func faultOf(t *rapid.T, kind string) emulator.Fault {
	route := rapid.SampledFrom(routes).Draw(t, "route")
	f := emulator.Fault{
		Service: route[0], Method: route[1], Path: route[2],
		After: rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 5}).Draw(t, "let pass"),
		Times: rapid.SampledFrom([]int{1, 1, 2, 3, 8, -1}).Draw(t, "times"),
	}
	status := func() int { return rapid.SampledFrom(failures).Draw(t, "status") }
	switch kind {
	case refused:
		f.Status = status()
	case refusedAfter:
		// A service reports a wrong request only if it has not done the work.
		f.Status, f.WorkDone = rapid.SampledFrom(failures[:4]).Draw(t, "status"), true
	case gatewayPage:
		f.Status, f.HTML, f.Message = status(), true, "The gateway is ill"
	case signInPage:
		f.Status, f.HTML, f.Message = 200, true, "Sign in"
	case throttled:
		f.Status, f.RetryAfter = 429, rapid.IntRange(0, 30).Draw(t, "retry after")
	case dropped:
		f.Drop = "before"
	case droppedAfter:
		f.Drop = "after"
	case slow:
		f.Delay = 90 * time.Second
	case cut:
		f.Truncate = true
	case emptyAnswer:
		f.Status, f.Empty = 200, true
	case emptyObject:
		f.Status, f.Body, f.ContentType = 200, "{}", "application/json"
	case unauthorized:
		f.Status, f.Code, f.Message = 401, "401", "Token is expired"
	case reallyRefused:
		f.Status, f.Code, f.Message = 403, "PERMISSION_DENIED", "Not now"
	}
	return f
}

// String returns the storm as a failing test prints it.
func (s storm) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "logins by certificate: %v; traced: %v; destroyed at the end: %v\n", s.Certificate,
		s.Traced, s.Destroy)
	for i, step := range s.Steps {
		fmt.Fprintf(&b, "%2d  %s\n", i, step)
	}
	return b.String()
}

func (s step) String() string {
	switch {
	case s.Write != nil:
		return fmt.Sprintf("stack %d is written: %s", s.Write.Stack, s.Write.configuration)
	case s.Drift != nil:
		return "another actor: " + s.Drift.String()
	case s.Fault != nil:
		return fmt.Sprintf("fault: %s: %+v", s.Kind, *s.Fault)
	case s.Pass != 0:
		return fmt.Sprintf("%v pass", s.Pass)
	}
	texts := make([]string, 0, len(s.Run))
	for _, r := range s.Run {
		text := fmt.Sprintf("stack %d is applied", r.Stack)
		if r.Parallel {
			text += " in parallel"
		}
		for _, e := range r.Events {
			when := "at"
			if e.After {
				when = "after"
			}
			text += fmt.Sprintf(", %s %s request %d", e.What, when, e.Request)
			switch e.What {
			case otherActor:
				text += " (" + e.Drift.String() + ")"
			case clockJump:
				text += fmt.Sprintf(" (%v)", e.Clock)
			}
		}
		texts = append(texts, text)
	}
	text := strings.Join(texts, "; at the same time ")
	if s.Latency > 0 {
		text += fmt.Sprintf("; each answer takes %v", s.Latency)
	}
	return text
}

// GoString returns the text that the library rapid prints. The test prints the storm itself.
func (s storm) GoString() string { return "as follows" }
