package provider_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// If somebody writes something else than an endpoint's name, the error says what the value is, or which names are
// similar. That takes one list of the endpoints, and only if the error is shown.
func TestAdviceForWrongEndpointName(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	other := w.Workspace.CreateEndpoint("churn-scoring", w.PersonName)
	w.Workspace.CreateEndpoint("churn-scoring-v2", w.PersonName)
	for given, says := range map[string]string{
		other:                              `The value is the id of the endpoint "churn-scoring". Write the endpoint's name instead.`,
		strings.ToUpper(other):             `The value is the id of the endpoint "churn-scoring". Write the endpoint's name instead.`,
		"Churn_Scoring":                    `Endpoints with similar names: "churn-scoring".`,
		"churn-scorin":                     `Endpoints with similar names: "churn-scoring", "churn-scoring-v2".`,
		"0123456789abcdef0123456789abcdef": "The value looks like the id of an endpoint",
		"roses":                            `There is no serving endpoint named "roses"`,
	} {
		before := w.Workspace.Snapshot()
		for typeName, config := range map[string]map[string]any{
			"dbxaccess_serving_endpoint_permission":            {"endpoint_name": given, "service_principal_name": w.Deployer.ClientID},
			"dbxaccess_serving_endpoint_permissions_exclusive": {"endpoint_name": given, "users": map[string]any{w.PersonName: "CAN_QUERY"}},
		} {
			w.Tenant.Journal.Reset()
			_, errors := w.Protocol(t).Apply(t, typeName, acctest.Object{}, config)
			if !strings.Contains(errors, says) || !strings.Contains(errors, "RESOURCE_DOES_NOT_EXIST") {
				t.Errorf("%s, %s: %s", typeName, given, errors)
			}
			if given == "roses" && strings.Contains(errors, "Endpoints with similar names") {
				t.Errorf("%s: %s", given, errors)
			}
			if n := lists(w); n != 1 {
				t.Errorf("%s, %s: %d lists of endpoints", typeName, given, n)
			}
		}
		if !reflect.DeepEqual(w.Workspace.Snapshot(), before) {
			t.Errorf("%s: the workspace has changed", given)
		}
	}

	// A refresh of a grant whose endpoint was deleted shows no error, and so requests no names.
	made := w.Protocol(t).MustApply(t, "dbxaccess_serving_endpoint_permission", acctest.Object{},
		map[string]any{"endpoint_name": "churn-scoring", "service_principal_name": w.Deployer.ClientID})
	w.Workspace.DeleteEndpoint("churn-scoring")
	w.Tenant.Journal.Reset()
	if gone := w.Protocol(t).MustRefresh(t, "dbxaccess_serving_endpoint_permission", made); gone.State != nil {
		t.Error("it is not gone")
	}
	if lists(w) != 0 {
		t.Error("the endpoints were listed for nobody")
	}
}

// If the workspace knows an Entra object id, an error about it as an application id says whose it is.
func TestObjectIDGivenForAnApplicationID(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetExternalID(w.ScoringApp.ClientID, w.ScoringApp.ObjectID)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{TokenListAlwaysThere: true})
	w.Workspace.AddGroup("readers")
	before := w.Workspace.Snapshot()
	for typeName, config := range map[string]map[string]any{
		"dbxaccess_serving_endpoint_permission":            {"endpoint_name": w.EndpointName, "service_principal_name": w.ScoringApp.ObjectID},
		"dbxaccess_serving_endpoint_permissions_exclusive": {"endpoint_name": w.EndpointName, "service_principals": map[string]any{w.ScoringApp.ObjectID: "CAN_QUERY"}},
		"dbxaccess_token_permission":                       {"service_principal_name": w.ScoringApp.ObjectID},
		"dbxaccess_group_member":                           {"group_name": "readers", "application_id": w.ScoringApp.ObjectID},
	} {
		_, errors := w.Protocol(t).Apply(t, typeName, acctest.Object{}, config)
		if !strings.Contains(errors, "The value is the object id of this service principal: application id "+
			w.ScoringApp.ClientID) {
			t.Errorf("%s: %s", typeName, errors)
		}
		if !reflect.DeepEqual(w.Workspace.Snapshot(), before) {
			t.Errorf("%s: the workspace has changed", typeName)
		}
	}
}

// lists returns the number of requests for the list of endpoints.
func lists(w *acctest.World) int {
	n := 0
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Path == "/api/2.0/serving-endpoints" {
			n++
		}
	}
	return n
}
