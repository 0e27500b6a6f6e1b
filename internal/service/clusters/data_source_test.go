package clusters_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const (
	address = "data.dbxaccess_clusters.x"
	hcl     = "data \"dbxaccess_clusters\" \"x\" {}\n"
)

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

// An empty list takes two requests: {} alone could come from something other than the workspace.
func TestNone(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID) // any member of the workspace may list clusters
	w.TestCLI(t, resource.TestStep{Config: hcl, ConfigStateChecks: []statecheck.StateCheck{
		is("clusters", knownvalue.ListExact([]knownvalue.Check{})), is("workspace_id",
			knownvalue.StringExact(w.Workspace.ID())),
	}})
	walks := w.Count("entra", "POST", "/token") // Terraform logs in once per walk of its graph
	if all := w.Count("workspace", "", ""); walks == 0 || all != 2*walks {
		t.Errorf("%d requests in %d walks, want two in each", all, walks)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	b, a := w.Workspace.AddCluster("b", w.PersonName, "RUNNING"), w.Workspace.AddCluster("a", w.Deployer.ClientID,
		"TERMINATED")
	row := func(id, name, state, creator string) knownvalue.Check {
		return knownvalue.ObjectExact(map[string]knownvalue.Check{
			"id": knownvalue.StringExact(id), "name": knownvalue.StringExact(name), "state": knownvalue.StringExact(state), "creator": knownvalue.StringExact(creator),
			"source": knownvalue.StringExact("UI"), "spark_version": knownvalue.StringExact("15.4.x-scala2.12"),
		})
	}
	own := row(a, "a", "TERMINATED", w.Deployer.ClientID)
	w.Test(t, resource.TestStep{Config: hcl, ConfigStateChecks: []statecheck.StateCheck{is("clusters",
		knownvalue.ListExact([]knownvalue.Check{own, row(b, "b", "RUNNING", w.PersonName)}))}})
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	w.Test(t, resource.TestStep{Config: hcl,
		ConfigStateChecks: []statecheck.StateCheck{is("clusters", knownvalue.ListExact([]knownvalue.Check{own}))}})
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	for i := range 230 {
		w.Workspace.AddCluster(fmt.Sprint("cluster ", i), w.PersonName, "TERMINATED")
	}
	w.Test(t, resource.TestStep{Config: hcl,
		ConfigStateChecks: []statecheck.StateCheck{is("clusters", knownvalue.ListSizeExact(230))}})
	walks := w.Count("entra", "POST", "/token")
	if all := w.Count("workspace", "", ""); walks == 0 || all != 3*walks {
		t.Errorf("%d requests in %d walks, want three in each", all, walks)
	}
}

// A login that the workspace does not know fails, and the error says what to do. That is the purpose of the data
// source.
func TestNotAMember(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.RemovePrincipal(w.Deployer.ClientID)
	w.Test(t, resource.TestStep{Config: hcl, ExpectError: acctest.Says("Cannot list clusters", "403",
		"not a member of this workspace", "dbxaccess_service_principal")})
}
