package acctest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

// Test runs the steps in this process, in milliseconds: it evaluates their HCL and asks the provider what Terraform would
// ask, in the same order. Each step is a plan, an apply, a plan without a refresh and a plan with one, as in the test framework, and
// each of them configures the provider again.
//
// It knows resources, data sources, outputs, variables and imports by id. A step that needs more of Terraform fails; [World.TestCLI] runs it.
// With TF_ACC_EVERY_STEP_BY_CLI in the environment both are the same, which shows that this here does what a CLI does.
func (w *World) Test(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	w.TestThrough(t, func(server tfprotov6.ProviderServer) tfprotov6.ProviderServer { return server }, steps...)
}

// TestThrough is [World.Test] with something around each provider, such as what listens to its answers.
func (w *World) TestThrough(t *testing.T, around func(tfprotov6.ProviderServer) tfprotov6.ProviderServer, steps ...resource.TestStep) {
	t.Helper()
	steps = w.Informed(steps...)
	if os.Getenv("TF_ACC_EVERY_STEP_BY_CLI") != "" {
		resource.UnitTest(t, resource.TestCase{Steps: steps, ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"dbxaccess": func() (tfprotov6.ProviderServer, error) { return around(w.server()), nil },
		}})
		return
	}
	test(t, func() tfprotov6.ProviderServer { return around(w.server()) }, &ours, steps)
}

// test runs the steps against a provider. serve returns a fresh one each time.
func test(t testing.TB, serve func() tfprotov6.ProviderServer, provider *description, steps []resource.TestStep) {
	t.Helper()
	r := &run{t: t, serve: serve, provider: provider, state: newState()}
	defer r.destroy()
	for i, step := range steps {
		if step.PreConfig != nil {
			step.PreConfig()
		}
		err := r.step(step)
		switch {
		case step.ExpectError != nil && err == nil:
			t.Fatalf("step %d/%d: no error, where one was expected", i+1, len(steps))
		case step.ExpectError != nil && !step.ExpectError.MatchString(err.Error()):
			t.Fatalf("step %d/%d: the error does not match %s:\n%s", i+1, len(steps), step.ExpectError, err)
		case step.ExpectError == nil && err != nil:
			t.Fatalf("step %d/%d: %s", i+1, len(steps), err)
		}
	}
}

// run is the life of one configuration over the steps of a test.
type run struct {
	t        testing.TB
	serve    func() tfprotov6.ProviderServer
	provider *description
	state    *state
	config   *configuration // of the last step
}

// destroy removes what the steps have left, as the end of every test.
func (r *run) destroy() {
	if len(r.state.managed()) == 0 {
		return
	}
	plan, err := r.plan(r.config, planOptions{destroy: true})
	if err == nil {
		err = r.apply(plan)
	}
	if err != nil {
		r.t.Errorf("destroying what is left: %s", err)
	}
}

func (r *run) step(step resource.TestStep) error {
	r.t.Helper()
	switch {
	case step.Query, step.StateStore, step.ConfigDirectory != nil, step.ConfigFile != nil,
		step.SkipFunc != nil, step.ProtoV6ProviderFactories != nil, step.ExternalProviders != nil:
		r.t.Fatal("this step needs a CLI: use TestCLI")
	}
	if step.RefreshState {
		return r.refreshStep(step)
	}
	if !step.ImportState || step.Config != "" {
		config, err := parse(step.Config, step.ConfigVariables)
		if err != nil {
			r.t.Fatal(err)
		}
		r.config = config
	}
	if step.ImportState {
		return r.importStep(step)
	}
	for _, address := range step.Taint {
		tainted := r.state.instances[address]
		if tainted == nil {
			r.t.Fatalf("%s cannot be tainted: it is not in state", address)
		}
		tainted.tainted = true
	}
	if !step.PlanOnly {
		if err := r.change(step); err != nil {
			return err
		}
	}
	return r.settled(step)
}

// change plans and applies a step, and checks both.
func (r *run) change(step resource.TestStep) error {
	plan, err := r.plan(r.config, planOptions{refresh: true, destroy: step.Destroy})
	if err != nil {
		return err
	}
	if err := checkPlan(r.t, plan, step.ConfigPlanChecks.PreApply); err != nil {
		return err
	}
	before := r.state.shim()
	if err := r.apply(plan); err != nil {
		return err
	}
	if step.Check != nil {
		now := r.state.shim()
		if step.Destroy {
			now = before
		}
		if err := step.Check(now); err != nil {
			return fmt.Errorf("check: %w", err)
		}
	}
	for _, check := range step.ConfigStateChecks {
		var answer statecheck.CheckStateResponse
		check.CheckState(r.t.Context(), statecheck.CheckStateRequest{State: r.state.json()}, &answer)
		if answer.Error != nil {
			return fmt.Errorf("state check: %w", answer.Error)
		}
	}
	return nil
}

// settled demands that nothing is left to do, unless the step says so.
func (r *run) settled(step resource.TestStep) error {
	for _, again := range []struct {
		refresh bool
		checks  []plancheck.PlanCheck
	}{{false, step.ConfigPlanChecks.PostApplyPreRefresh}, {true, step.ConfigPlanChecks.PostApplyPostRefresh}} {
		plan, err := r.plan(r.config, planOptions{refresh: again.refresh, destroy: step.Destroy})
		if err != nil {
			return err
		}
		if err := checkPlan(r.t, plan, again.checks); err != nil {
			return err
		}
		switch {
		case !plan.empty() && !step.ExpectNonEmptyPlan:
			return fmt.Errorf("the plan after the step is not empty (refreshed: %t):\n%s", again.refresh, plan)
		case plan.empty() && step.ExpectNonEmptyPlan && again.refresh:
			return errors.New("the plan after the step is empty, where it was expected not to be")
		}
	}
	return nil
}

func checkPlan(t testing.TB, plan *planned, checks []plancheck.PlanCheck) error {
	for _, check := range checks {
		var answer plancheck.CheckPlanResponse
		check.CheckPlan(context.WithoutCancel(t.Context()), plancheck.CheckPlanRequest{Plan: plan.json()}, &answer)
		if answer.Error != nil {
			return fmt.Errorf("plan check: %w", answer.Error)
		}
	}
	return nil
}
