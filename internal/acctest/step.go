package acctest

import (
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// Planned fails a step whose plan does not have this action for one resource.
func Planned(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
}

// NoChange fails a step whose plan is not empty.
func NoChange() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}

// When waits for a condition, for at most a minute, and acts.
func When(condition func() bool, act func()) {
	for range 600 {
		if condition() {
			act()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// BeforeQuery is an ordinary step to stand before a step with a query, which writes no lock file and needs one.
func BeforeQuery() resource.TestStep {
	return resource.TestStep{Config: "data \"dbxaccess_current_identity\" \"this\" {}\n"}
}
