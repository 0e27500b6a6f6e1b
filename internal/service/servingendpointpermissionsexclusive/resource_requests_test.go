package servingendpointpermissionsexclusive_test

import (
	"fmt"
	"testing"
	"time"
)

// once holds the first requests of every provider process: it looks up where to log in, and logs in.
var once = []string{"log in", "log in"}

// Counts all requests of each operation.
func TestRequestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.Deployer.ClientID
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	c := w.terraform(t, w.usualList())
	costs := func(want ...string) {
		t.Helper()
		w.wantAsked(t, append(append([]string{}, once...), want...)...)
	}
	look := []string{"GET endpoint", "GET list"}
	// After each write the list is read again, because another run may have undone the write.
	replace, upsert := []string{"GET list", "PUT list", "GET list"}, []string{"GET list", "PATCH list", "GET list"}

	c.MustRun(t, 0, "plan", "-out=p")
	costs(look...)
	c.MustRun(t, 0, "apply", "p")
	costs(append(look, replace...)...) // Terraform plans a creation again before it applies it
	c.plan(t, 0)
	costs(look...)

	step := func(config string, want ...string) {
		t.Helper()
		c.Rewrite(t, config)
		c.MustRun(t, 0, "plan", "-out=p")
		costs(look...)
		c.MustRun(t, 0, "apply", "p")
		if len(want) == 0 {
			w.wantAsked(t)
		} else {
			costs(append([]string{"GET endpoint"}, want...)...)
		}
	}
	step(w.usualList(list("groups", team, "CAN_VIEW")), upsert...)
	step(w.usualList(), replace...)
	step(w.usualList(`on_unlisted = "warn"`)) // no request for an attribute that only the state holds
	// The caller is a service principal, so a user's CAN_MANAGE cannot be the caller's. A service principal's own can,
	// which costs one request.
	step(hcl(list("service_principals", w.app, "CAN_QUERY", me, "CAN_MANAGE")), replace...)
	step(hcl(list("service_principals", w.app, "CAN_QUERY")), "GET list", "GET me", "PUT list", "GET list")

	c.MustRun(t, 0, "plan", "-destroy", "-out=p")
	costs(look...)
	c.MustRun(t, 0, "apply", "p")
	costs("GET endpoint", "GET list", "PUT list") // an empty list holds nothing that another run could undo
	w.holds(t, levels{})
}

// A thousand entries need as many requests as one, and the time does not grow quadratically.
func TestThousandEntries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 1000
	for i := range n {
		w.Workspace.AddServicePrincipal(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), fmt.Sprintf("app %d", i))
	}
	c := w.cli(t, hcl(fmt.Sprintf(
		`service_principals = { for i in range(%d) : format("%%08d-0000-4000-8000-000000000000", i) => "CAN_QUERY" }`, n),
		list("users", ada, "CAN_MANAGE")))
	c.MustRun(t, 0, "plan", "-out=p")
	w.asked()
	c.MustRun(t, 0, "apply", "p")
	w.wantAsked(t, append(append([]string{}, once...), "GET endpoint", "GET list", "GET list", "PATCH list",
		"GET list")...)
	if got := len(w.Workspace.Grants("iris")); got != n+1 {
		t.Errorf("%d grants stand, want %d", got, n+1)
	}
	began := time.Now()
	c.plan(t, 0)
	took := time.Since(began)
	w.wantAsked(t, append(append([]string{}, once...), "GET endpoint", "GET list")...)
	t.Logf("a plan that changes nothing took %s", took)
	if took > 15*time.Second { // a quadratic algorithm takes half a minute on an idle machine
		t.Errorf("a plan that changes nothing took %s", took)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
	w.holds(t, levels{})
}
