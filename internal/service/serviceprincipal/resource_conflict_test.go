package serviceprincipal_test

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func refusedAsDuplicate(w *acctest.World) emulator.Fault {
	return emulator.Fault{Service: "workspace", Method: "POST", Path: all, Status: 409,
		Message: "Service principal with application ID " + w.ScoringApp.ClientID + " already exists."}
}

// If the service refuses a principal as a duplicate that no read shows, the error says what to do.
func TestDuplicateThatNoReadShows(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(refusedAsDuplicate(w))
	w.Test(t, resource.TestStep{
		Config: entra(w, `adopt_existing = true`, `on_destroy = "delete"`),
		ExpectError: acctest.Words(
			`Cannot create service principal.*409.*already exists\..*does not list it.*Apply again in a minute.*account admin`),
	})
	if left := members(w); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// SCIM may still list a principal that this run removed to create it again. That principal is not the duplicate that
// the service refuses, and must not be adopted.
func TestReplaceRefusedAsDuplicate(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, entra(w))
	cli.MustRun(t, 0, "apply", "-auto-approve")
	w.Tenant.Clock.Advance(2 * time.Minute)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{SCIMStaleFor: 30 * time.Second})
	w.Tenant.Faults.Add(refusedAsDuplicate(w))
	r := cli.MustRun(t, 1, "apply", "-auto-approve", "-replace="+address)
	r.MustSay(t, "Cannot create service principal", "does not list it", "Apply again in a minute")
	if cli.Attributes(t, address) != nil {
		t.Error("the removed one is in state")
	}
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{})
	cli.MustRun(t, 0, "apply", "-auto-approve")
	member(t, w)
}
