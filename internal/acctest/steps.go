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

// Test runs the steps in this process, in milliseconds. It evaluates their HCL and sends the provider the same requests
// as Terraform, in the same order. As in Terraform's test framework, each step is a plan, an apply, a plan without a
// refresh and a plan with a refresh. Each of these configures a new provider.
//
// Test supports resources, data sources, outputs, variables and imports by id. A step that needs other features of
// Terraform fails; use [World.TestCLI] for such a step. If the environment variable TF_ACC_EVERY_STEP_BY_CLI is set,
// Test runs the steps with the real CLI, which shows that Test does what a CLI does.
func (w *World) Test(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	w.TestThrough(t, func(server tfprotov6.ProviderServer) tfprotov6.ProviderServer { return server }, steps...)
}

// TestThrough runs the steps as [World.Test] does, with each provider server wrapped by around. The wrapper can, for
// example, record the provider's answers.
func (w *World) TestThrough(
	t *testing.T, around func(tfprotov6.ProviderServer) tfprotov6.ProviderServer, steps ...resource.TestStep,
) {
	t.Helper()
	steps = w.Informed(steps...)
	if os.Getenv("TF_ACC_EVERY_STEP_BY_CLI") != "" {
		resource.UnitTest(t, resource.TestCase{Steps: steps,
			ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
				"dbxaccess": func() (tfprotov6.ProviderServer, error) { return around(w.server()), nil },
			}})
		return
	}
	test(t, func() tfprotov6.ProviderServer { return around(w.server()) }, &ours, steps)
}

// test runs the steps against a provider. serve returns a new provider server at each call.
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

// run holds the state and the configuration of one test while its steps run.
type run struct {
	t        testing.TB
	serve    func() tfprotov6.ProviderServer
	provider *description
	state    *state
	config   *configuration     // the configuration of the last step
	warned   func(words string) // receives each warning of the provider; may be nil
}

// destroy destroys the resources that the steps have left in the state. Every test ends with it.
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

// change plans and applies a step, and runs the step's checks on the plan and on the state.
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

// settled returns an error if a plan after the step is not empty, unless the step expects a plan that is not empty. It
// plans twice: first without a refresh, then with one.
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
