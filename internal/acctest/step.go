package acctest

import (
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// Planned returns a check that fails a step if its plan does not have the given action for one resource.
func Planned(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
}

// NoChange returns a check that fails a step if its plan is not empty.
func NoChange() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}

// When waits until the condition holds and then calls act. If the condition does not hold within a minute, When returns
// without calling act.
func When(condition func() bool, act func()) {
	for range 600 {
		if condition() {
			act()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// BeforeQuery returns an ordinary step that a test needs before a step with a query. A query needs a lock file but does
// not write one.
func BeforeQuery() resource.TestStep {
	return resource.TestStep{Config: "data \"dbxaccess_current_identity\" \"this\" {}\n"}
}
