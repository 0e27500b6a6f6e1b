package serviceprincipaltoken_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// scores returns the HTTP status with which the serving endpoint answers an application that uses the token.
func scores(t *testing.T, w *acctest.World, token string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.Tenant.CAPool()}}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Server.WorkspaceURLs[0]+
		"/serving-endpoints/iris/invocations",
		bytes.NewReader([]byte(`{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// rotation returns a test step that expects a rotation: reason is what the plan shows, and liveAfter is how many tokens
// live after it.
func rotation(
	w *acctest.World, config, reason string, liveAfter int, checks ...statecheck.StateCheck,
) resource.TestStep {
	return resource.TestStep{
		Config: config,
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
			plancheck.ExpectKnownValue(address, tfjsonpath.New("rotation_reason"), knownvalue.StringExact(reason)),
		}},
		ConfigStateChecks: append(checks, has("rotation_reason", knownvalue.StringExact(reason))),
		Check:             resource.ComposeTestCheckFunc(fits, living(w, liveAfter)),
	}
}

// living checks that n tokens of the scoring application live, and that the current and the previous token of the state
// are among them.
func living(w *acctest.World, n int) resource.TestCheckFunc {
	return func(s *terraform.State) error {
		state := s.RootModule().Resources[address].Primary.Attributes
		var ids []string
		for _, token := range live(w, w.ScoringApp.ClientID) {
			ids = append(ids, token.ID)
			if strings.Contains(token.Comment, "[dbxaccess:") {
				return fmt.Errorf("token %s carries the marker: %s", token.ID, token.Comment)
			}
		}
		if len(ids) != n || !slices.Contains(ids, state["token_id"]) {
			return fmt.Errorf("the server holds %v, the state %s", ids, state["token_id"])
		}
		if previous := state["previous_token_id"]; (previous != "") != (n == 2) || n == 2 &&
			!slices.Contains(ids, previous) {
			return fmt.Errorf("the server holds %v, the state %q as the previous one", ids, previous)
		}
		return nil
	}
}

// after returns a step that first moves the workspace's clock forward.
func after(w *acctest.World, d time.Duration, step resource.TestStep) resource.TestStep {
	step.PreConfig = func() { w.Tenant.Clock.Advance(d) }
	return step
}

func stepWithEmptyPlan(w *acctest.World, config string) resource.TestStep {
	return resource.TestStep{Config: config,
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}}
}

// A token is rotated when a third of its lifetime is left. The old token lives until the overlap ends, and the first
// apply after that revokes it.
func TestRotationWhenDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := bySecret(w, `comment = "c"`, nineHours, "overlap_seconds = 600")
	var value string
	keep := func(s *terraform.State) error {
		value = s.RootModule().Resources[address].Primary.Attributes["token_value"]
		return nil
	}
	w.Workspace.SetGrant("iris", w.ScoringApp.ClientID, "CAN_QUERY")
	begin := resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(living(w, 1), keep),
		ConfigStateChecks: []statecheck.StateCheck{
			has("rotate_before_seconds", knownvalue.Int64Exact(10800)), has("overlap_seconds",
				knownvalue.Int64Exact(600)),
			has("rotation_reason", knownvalue.Null()), has("previous_token_revoke_at",
				knownvalue.Null()), has("rotate_at", knownvalue.NotNull()),
		}}
	first := rotation(w, config, "due", 2)
	first.Check = resource.ComposeTestCheckFunc(first.Check, func(s *terraform.State) error {
		now := s.RootModule().Resources[address].Primary.Attributes["token_value"]
		if value == now {
			t.Error("the value is the old one")
		}
		// An application can use the old token until it has switched to the new one.
		for _, token := range []string{value, now} {
			if status := scores(t, w, token); status != http.StatusOK {
				t.Errorf("scoring answered %d", status)
			}
		}
		value = now
		return nil
	})
	ended := rotation(w, config, "overlap_ended", 1, has("previous_token_id", knownvalue.Null()),
		has("previous_token_revoke_at", knownvalue.Null()))
	w.Test(t,
		begin,
		after(w, 5*time.Hour, stepWithEmptyPlan(w, config)),
		after(w, 61*time.Minute, first),
		after(w, 5*time.Minute, stepWithEmptyPlan(w, config)),
		after(w, 6*time.Minute, ended),
		stepWithEmptyPlan(w, config),
		after(w, 6*time.Hour, rotation(w, config, "due", 2)),
		after(w, 11*time.Minute, rotation(w, config, "overlap_ended", 1)),
	)
}

// A second rotation within an overlap revokes the older token first, so that never more than two tokens live.
func TestRotationWithinAnOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(trigger string) string {
		return bySecret(w, fmt.Sprintf("rotation_triggers = { a = %q }", trigger))
	}
	most := 0
	watch := func() {
		most = max(most, len(live(w, w.ScoringApp.ClientID)))
	}
	third := rotation(w, config("3"), "trigger", 2)
	third.PreConfig = watch
	w.Test(t,
		resource.TestStep{Config: config("1"), Check: living(w, 1)},
		rotation(w, config("2"), "trigger", 2),
		third,
		rotation(w, config("4"), "trigger", 2),
	)
	// On the server each revocation came before the creation of the next token.
	var order []string
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Route == create {
			order = append(order, "mint")
		}
		if e.Method == "DELETE" && e.Service == "workspace" {
			order = append(order, "revoke")
		}
	}
	if got := strings.Join(order, " "); !strings.HasPrefix(got, "mint mint revoke mint revoke mint revoke") ||
		most > 2 {
		t.Errorf("%s; %d lived at once", got, most)
	}
}

// Without an overlap the old token is revoked at once, whatever the reason of the rotation is.
func TestRotationWithoutOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	none := "overlap_seconds = 0"
	w.Test(t,
		resource.TestStep{Config: bySecret(w, none), Check: living(w, 1)},
		rotation(w, bySecret(w, none, `rotation_triggers = { a = "1" }`), "trigger", 1),
		rotation(w, bySecret(w, none, `rotation_triggers = { a = "1" }`, "lifetime_seconds = 3600"), "lifetime", 1,
			has("rotate_before_seconds", knownvalue.Int64Exact(1200))),
		after(w, 41*time.Minute, rotation(w, bySecret(w, none, `rotation_triggers = { a = "1" }`,
			"lifetime_seconds = 3600"), "due", 1)),
		// With rotate_before_seconds = 0 the token is never rotated because of the time.
		resource.TestStep{
			Config: bySecret(w, none, `rotation_triggers = { a = "1" }`, "lifetime_seconds = 3600",
				"rotate_before_seconds = 0"), ConfigPlanChecks: acctest.Planned(address,
				plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{has("rotate_at", knownvalue.Null())}, Check: living(w, 1),
		},
		after(w, 50*time.Minute, stepWithEmptyPlan(w, bySecret(w, none, `rotation_triggers = { a = "1" }`,
			"lifetime_seconds = 3600", "rotate_before_seconds = 0"))),
	)
}

// If the old token cannot be revoked after a rotation without overlap, the new token is kept, and the next apply tries
// again.
func TestOldTokenCannotBeRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := bySecret(w, "overlap_seconds = 0", `rotation_triggers = { a = "2" }`)
	resists := rotation(w, config, "trigger", 2)
	resists.PreConfig = func() {
		w.Tenant.Faults.Add(fault("DELETE", managed1, emulator.Fault{Status: 500, Message: "oops"}))
	}
	resists.ExpectNonEmptyPlan = true
	w.Test(t,
		resource.TestStep{Config: bySecret(w, "overlap_seconds = 0"), Check: living(w, 1)},
		resists,
		rotation(w, config, "overlap_ended", 1),
	)
}

// A token that belongs to another principal according to the workspace is rotated.
func TestRotationOfAForeignToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddServicePrincipal("11111111-2222-3333-4444-555555555555", "stranger")
	config := func(t *testing.T) string { return byPath(t, w, "overlap_seconds = 0") }(t)
	foreign := rotation(w, config, "owner", 1)
	foreign.PreConfig = func() {
		w.Workspace.GiveToken(live(w, w.ScoringApp.ClientID)[0].ID, "11111111-2222-3333-4444-555555555555")
	}
	w.Test(t, resource.TestStep{Config: config, Check: living(w, 1)}, foreign, stepWithEmptyPlan(w, config))
	if left := live(w, "11111111-2222-3333-4444-555555555555"); len(left) > 0 {
		t.Errorf("the foreign token is left: %+v", left)
	}
}

// If the current token is revoked while the previous one is still in use, a new token is created. The previous token
// stays until its overlap ends.
func TestRotationOfARevokedTokenWithinAnOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const overlap = "overlap_seconds = 3600"
	config := bySecret(w, `rotation_triggers = { a = "2" }`, overlap)
	var first string
	revoked := rotation(w, config, "revoked", 2)
	revoked.PreConfig = func() {
		for _, token := range live(w, w.ScoringApp.ClientID) {
			if token.ID != first {
				w.Workspace.RevokeToken(token.ID)
			}
		}
	}
	w.Test(t,
		resource.TestStep{Config: bySecret(w, overlap), Check: func(s *terraform.State) error {
			first = s.RootModule().Resources[address].Primary.ID
			return nil
		}},
		rotation(w, config, "trigger", 2),
		revoked,
		after(w, 61*time.Minute, rotation(w, config, "overlap_ended", 1)),
	)
}

// A plan that was saved before a rotation was due, and is applied after that time, does what it showed. Terraform plans
// again during the apply, and must get the same plan.
func TestPlanAppliedAfterRotationIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.CLI(t, bySecret(w, `comment = "before"`, nineHours))
	c.MustRun(t, 0, "apply", "-auto-approve")
	id := live(w, w.ScoringApp.ClientID)[0].ID
	rewrite(t, c, `"before"`, `"after"`)
	w.Tenant.Clock.Advance(5 * time.Hour)
	c.MustRun(t, 2, "plan", "-out=p.tfplan", "-detailed-exitcode")
	w.Tenant.Clock.Advance(2 * time.Hour)
	c.MustRun(t, 0, "apply", "p.tfplan")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 || tokens[0].ID != id ||
		tokens[0].Comment != "after" {
		t.Errorf("%+v", tokens)
	}

	// The next refresh finds that the rotation is due. Once a refresh has saved that verdict, a plan without a refresh
	// follows it. Without a refresh no new verdict is found.
	c.MustRun(t, 0, "plan", "-detailed-exitcode", "-refresh=false")
	c.MustRun(t, 0, "apply", "-auto-approve", "-refresh-only")
	w.Tenant.Journal.Reset()
	if r, next := c.Next(t, 2, address, "-refresh=false"); next["rotation_reason"] != "due" {
		t.Error(r.Stdout)
	}
	if asked := w.Tenant.Journal.Entries(); len(asked) > 0 {
		t.Errorf("planning asked %+v", asked)
	}
	c.MustRun(t, 0, "apply", "-auto-approve", "-refresh=false")
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 2 {
		t.Errorf("%+v", tokens)
	}
	c.MustRun(t, 0, "plan", "-detailed-exitcode", "-refresh=false")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A rotation that fails leaves everything as it was, and the next apply tries again.
func TestRotationFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := bySecret(w, nineHours)
	fails := after(w, 7*time.Hour, resource.TestStep{Config: config, ExpectError: acctest.Words("Cannot rotate " +
		"token.*not you.*may not use personal access tokens")})
	advance := fails.PreConfig
	fails.PreConfig = func() {
		advance()
		w.Tenant.Faults.Add(fault("POST", create, denied))
	}
	w.Test(t, resource.TestStep{Config: config}, fails, rotation(w, config, "due", 2))
}

// The plan works even if the owner was deactivated or deleted.
func TestPlanWithoutTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Commands(t, bySecret(w))
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Workspace.SetActive(w.ScoringApp.ClientID, false)
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	w.Workspace.RemovePrincipal(w.ScoringApp.ClientID)
	if r, next := c.Next(t, 2, address); next["rotation_reason"] != "revoked" {
		t.Error(r.Stdout)
	}
	w.Tenant.RemoveApp(w.ScoringApp.ClientID)
	c.MustRun(t, 2, "plan", "-detailed-exitcode")
	c.MustRun(t, 1, "apply", "-auto-approve").MustSay(t, "Application not found in the tenant")
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// The service revokes a token that nobody uses for 90 days. A refresh warns before that time, but not about a token
// that is used or expires earlier.
func TestUnused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Commands(t, bySecret(w, "lifetime_seconds = 31536000", "rotate_before_seconds = 0"))
	expectWarning := func(want bool) {
		t.Helper()
		if text := c.MustRun(t, 0, "plan", "-detailed-exitcode").Text(); strings.Contains(text, "Token is about to "+
			"be revoked because it is unused") != want {
			t.Error(text)
		}
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Clock.Advance(75 * day)
	expectWarning(false)
	w.Tenant.Clock.Advance(2 * day)
	expectWarning(true)
	w.Workspace.UseToken(live(w, w.ScoringApp.ClientID)[0].ID)
	w.Tenant.Clock.Advance(day) // the list shows a use of the token one day later
	expectWarning(false)
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// A trigger may be known only at apply. Then the plan shows an unknown rotation_reason, and the apply decides.
func TestTriggerKnownAtApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(input string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"x\" {\n  input = %q\n}\n", input) + bySecret(w,
			"rotation_triggers = { a = terraform_data.x.output }", "lifecycle {\n    create_before_destroy = true\n  }")
	}
	rotated := rotation(w, config("2"), "trigger", 2)
	rotated.ConfigPlanChecks = resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownValue(
		address, tfjsonpath.New("rotation_reason"))}}
	w.TestCLI(t, resource.TestStep{Config: config("1"), Check: living(w, 1)}, rotated)
}

// If the token cannot be checked, on_unverifiable = "warn" causes a warning and leaves the state as it is.
func TestUnverifiable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := bySecret(w, `on_unverifiable = "warn"`)
	step := stepWithEmptyPlan(w, config)
	step.PreConfig = func() { w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID) }
	w.Test(t, resource.TestStep{Config: config, Check: living(w, 1)}, step,
		resource.TestStep{PreConfig: func() { w.Workspace.AddToGroup("admins", w.Deployer.ClientID) }, Config: config})
}

// If the owner's credential is refused in a second rotation within an overlap, nothing changes. The previous token is
// still in use, so it must not be revoked for a rotation that does not take place.
func TestRotationWithARefusedCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Commands(t, bySecret(w, `rotation_triggers = { a = "1" }`))
	c.MustRun(t, 0, "apply", "-auto-approve")
	rewrite(t, c, `a = "1"`, `a = "2"`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	before := live(w, w.ScoringApp.ClientID)
	rewrite(t, c, `a = "2"`, `a = "3"`)
	rewrite(t, c, w.Secret(w.ScoringSecret), w.Secret("wrong-secret-value"))
	w.Tenant.Journal.Reset()
	if r := c.MustRun(t, 1, "apply", "-auto-approve"); !strings.Contains(r.Stderr, "Client secret is wrong") {
		t.Error(r.Stderr)
	}
	asked(t, w, 0, "workspace", "DELETE", "")
	if after := live(w, w.ScoringApp.ClientID); len(before) != 2 || len(after) != 2 ||
		c.Attributes(t, address)["previous_token_id"] != before[0].ID {
		t.Errorf("%+v, then %+v", before, after)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// With an overlap there is a valid token at every moment, whatever causes the rotation, and never a third one.
func TestAlwaysAValidToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Commands(t, bySecret(w, `rotation_triggers = { a = "1" }`, nineHours, "overlap_seconds = 600"))
	c.MustRun(t, 0, "apply", "-auto-approve")
	done, watched := make(chan struct{}), make(chan [2]int)
	go func() {
		least, most := 1, 1
		for {
			select {
			case <-done:
				watched <- [2]int{least, most}
				return
			case <-time.After(time.Millisecond):
				n := len(live(w, w.ScoringApp.ClientID))
				least, most = min(least, n), max(most, n)
			}
		}
	}()
	for _, rotate := range []func(){
		func() { w.Tenant.Clock.Advance(7 * time.Hour) },               // due
		func() { rewrite(t, c, `a = "1"`, `a = "2"`) },                 // a rotation within the overlap
		func() { rewrite(t, c, nineHours, "lifetime_seconds = 3600") }, // another rotation within the overlap
		func() { w.Tenant.Clock.Advance(11 * time.Minute) },            // the overlap ends
		func() { w.Tenant.Clock.Advance(31 * time.Minute) },            // due
		func() { w.Tenant.Clock.Advance(11 * time.Minute) },            // the overlap ends
	} {
		rotate()
		c.MustRun(t, 0, "apply", "-auto-approve")
	}
	close(done)
	if seen := <-watched; seen != [2]int{1, 2} {
		t.Errorf("at least %d and at most %d tokens lived at once", seen[0], seen[1])
	}
	if tokens := live(w, w.ScoringApp.ClientID); len(tokens) != 1 {
		t.Errorf("in the end %+v", tokens)
	}
	c.MustRun(t, 0, "destroy", "-auto-approve")
}

// If the workspace does not answer at all, on_unverifiable = "warn" causes only a warning too.
func TestUnverifiableWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "1"
	c := w.Commands(t, bySecret(w, `on_unverifiable = "warn"`))
	c.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Drop: "before", Times: -1})
	c.MustRun(t, 0, "plan", "-detailed-exitcode").MustSay(t, "Warning: Cannot check token")
	w.Tenant.Faults.Clear()
	c.MustRun(t, 0, "destroy", "-auto-approve")
}
