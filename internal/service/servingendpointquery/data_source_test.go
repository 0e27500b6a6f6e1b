package servingendpointquery_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	address     = "data.dbxaccess_serving_endpoint_query.x"
	invocations = "/serving-endpoints/*/invocations"
	flower      = `{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`
)

// twoTries is a timeout that leaves time for a second attempt, so that the test sees an unwanted one without a long
// wait.
const twoTries = `timeouts = { read = "7s" }`

func hcl(lines ...string) string {
	return "data \"dbxaccess_serving_endpoint_query\" \"x\" {\n  endpoint_name = \"iris\"\n  " +
		strings.Join(lines, "\n  ") + "\n}\n"
}

func attr(name, value string) string { return fmt.Sprintf("%s = %q", name, value) }

func asProvider(lines ...string) string {
	return hcl(append([]string{attr("query_as", "provider"), attr("request", flower)}, lines...)...)
}

func asToken(w *acctest.World, token string, lines ...string) string {
	return hcl(append([]string{attr("query_as", "token"), attr("request", flower), "token = " + w.Secret(token)},
		lines...)...)
}

func asVaulted(vault, name string, lines ...string) string {
	return hcl(append([]string{attr("query_as", "key_vault_secret"), attr("request", flower),
		fmt.Sprintf("key_vault_secret = { vault_uri = %q, name = %q }", vault, name)}, lines...)...)
}

func is(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

// addApp adds the application to the workspace with a token and without a grant.
func addApp(w *acctest.World) (application, token, tokenID string) {
	application = w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(application, "iris-scoring")
	w.Workspace.SetGrant("authorization/tokens", application, "CAN_USE")
	tokenID, token = w.Workspace.MintToken(application, "test", time.Hour)
	return application, token, tokenID
}

// callers returns the identities that queried the model, with the status of each answer, in order.
func callers(w *acctest.World) []string {
	var who []string
	for _, e := range w.Tenant.Journal.Entries() {
		if strings.HasSuffix(e.Route, "/invocations") {
			who = append(who, fmt.Sprint(e.Caller, " ", e.Status))
		}
	}
	return who
}

func TestAsProvider(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	noAnswerInState := func(s *terraform.State) error {
		if text := s.String(); strings.Contains(text, "setosa") {
			return fmt.Errorf("the model's answer is in the state: %s", text)
		}
		return nil
	}
	w.TestCLI(t,
		resource.TestStep{
			Config: asProvider(),
			ConfigStateChecks: []statecheck.StateCheck{
				is("status", knownvalue.Int64Exact(200)),
				is("served_model", knownvalue.StringExact("iris-1")),
				is("response", knownvalue.Null()),
				is("token", knownvalue.Null()),
			},
			Check: noAnswerInState,
		},
		resource.TestStep{
			Config: asProvider("store_response = true"),
			ConfigStateChecks: []statecheck.StateCheck{
				is("response", knownvalue.StringExact(`{"predictions":["setosa"]}`)),
				statecheck.ExpectSensitiveValue(address, tfjsonpath.New("response")),
			},
		},
	)
	w.Test(t, resource.TestStep{Config: asProvider("store_response = false"), Check: noAnswerInState})
	for _, who := range callers(w) {
		if who != w.Deployer.ClientID+" 200" {
			t.Errorf("asked as %s", who)
		}
	}
}

func TestAsToken(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, token, _ := addApp(w)
	w.Workspace.SetGrant("iris", application, "CAN_QUERY")
	bearer, err := w.Tenant.IssueAccessToken(application, emulator.DatabricksResource, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	answered := is("status", knownvalue.Int64Exact(200))
	w.TestCLI(t, resource.TestStep{Config: asToken(w, token), ConfigStateChecks: []statecheck.StateCheck{answered,
		statecheck.ExpectSensitiveValue(address, tfjsonpath.New("token"))}})
	// A token of Entra ID works as well.
	w.Test(t, resource.TestStep{Config: asToken(w, bearer), ConfigStateChecks: []statecheck.StateCheck{answered}})
	asked := callers(w)
	if len(asked) == 0 {
		t.Error("nobody asked")
	}
	for _, who := range asked {
		if who != application+" 200" {
			t.Errorf("asked as %s", who)
		}
	}
	if n := w.Count("entra", "", ""); n != 0 {
		t.Errorf("the provider logged in %d times for a query that is not its own", n)
	}
}

// Applies the example of the documentation as it is printed.
func TestExample(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, _, _ := addApp(w)
	text, err := os.ReadFile("../../../examples/data-sources/dbxaccess_serving_endpoint_query/data-source.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.Test(t, resource.TestStep{
		Config: string(text),
		ConfigVariables: config.Variables{"application_id": config.StringVariable(application),
			"client_secret": config.StringVariable(w.ScoringSecret)},
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("served_model", knownvalue.StringExact("iris-1")),
		},
	})
}

// If this run has changed no access, a refusal is final, and the provider reports it at once.
func TestDenied(t *testing.T) {
	t.Parallel()
	right := []string{"403 PERMISSION_DENIED", "does not have permission 'Query'", "needs CAN_QUERY",
		"dbxaccess_serving_endpoint_permission", "depend"}
	t.Run("provider", func(t *testing.T) {
		t.Parallel()
		w := acctest.New(t)
		w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
		w.Test(t, resource.TestStep{Config: asProvider(twoTries),
			ExpectError: acctest.Says(append([]string{"Cannot score serving endpoint", "query_as", "iris:"},
				right...)...)})
		if asked := callers(w); len(asked) != 1 {
			t.Errorf("asked %q, want once", asked)
		}
	})
	t.Run("token", func(t *testing.T) {
		t.Parallel()
		w := acctest.New(t)
		_, token, _ := addApp(w)
		w.Test(t, resource.TestStep{Config: asToken(w, token, twoTries), ExpectError: acctest.Says(right...)})
		if asked := callers(w); len(asked) != 1 {
			t.Errorf("asked %q, want once", asked)
		}
	})
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, token, id := addApp(w)
	w.Workspace.SetGrant("iris", application, "CAN_QUERY")
	w.Workspace.RevokeToken(id)
	w.Test(t, resource.TestStep{Config: asToken(w, token), ExpectError: acctest.Says("Cannot score serving endpoint",
		"token", "does not accept the token", "revoked")})
	if asked := callers(w); len(asked) != 1 {
		t.Errorf("asked %q, want once", asked)
	}
}

// A new grant takes a while to take effect. Only if this run has written a grant does the provider query again after a
// refusal.
func TestQueryWaitsForNewGrant(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	application, token, _ := addApp(w)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{GrantDelay: 2 * time.Second})
	w.Test(t, resource.TestStep{
		Config: `
resource "dbxaccess_serving_endpoint_permission" "x" {
  endpoint_name          = "iris"
  service_principal_name = "` + application + `"
}
` + asToken(w, token, "depends_on = [dbxaccess_serving_endpoint_permission.x]"),
		ConfigStateChecks: []statecheck.StateCheck{is("status", knownvalue.Int64Exact(200))},
	})
	if asked := callers(w); len(asked) < 2 || asked[0] != application+" 403" || asked[1] != application+" 200" {
		t.Errorf("asked %q, want a refusal and then an answer", asked)
	}
}

func TestScaledToZero(t *testing.T) {
	t.Parallel()
	t.Run("waited out", func(t *testing.T) {
		t.Parallel()
		w := acctest.New(t)
		w.Workspace.ScaleToZero("iris", 1)
		w.Test(t, resource.TestStep{Config: asProvider(),
			ConfigStateChecks: []statecheck.StateCheck{is("status", knownvalue.Int64Exact(200))}})
		if asked := callers(w); len(asked) < 2 || !strings.HasSuffix(asked[0], " 504") {
			t.Errorf("asked %q", asked)
		}
	})
	t.Run("not up in time", func(t *testing.T) {
		t.Parallel()
		w := acctest.New(t)
		w.Workspace.ScaleToZero("iris", 100)
		w.Test(t, resource.TestStep{
			Config: asProvider(`timeouts = { read = "1s" }`),
			ExpectError: acctest.Says("Cannot score serving endpoint", "504", "did not answer in time",
				"timeouts.read"),
		})
	})
	// A connection that breaks also shows that the model is still starting.
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		w := acctest.New(t)
		w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: invocations, Drop: "after"})
		w.Test(t, resource.TestStep{Config: asProvider(),
			ConfigStateChecks: []statecheck.StateCheck{is("status", knownvalue.Int64Exact(200))}})
	})
}

// The provider does not repeat the query if the model itself fails.
func TestModelFails(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: invocations, Status: 500,
		Code: "INTERNAL_ERROR", Message: "the model threw"})
	w.Test(t, resource.TestStep{Config: asProvider(twoTries), ExpectError: acctest.Says("Cannot score serving endpoint",
		"500 INTERNAL_ERROR", "the model threw")})
	if asked := callers(w); len(asked) != 1 {
		t.Errorf("asked %q, want once", asked)
	}
}

func TestPayloadRefused(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	query := func(request string) string { return hcl(attr("query_as", "provider"), attr("request", request)) }
	w.Test(t,
		resource.TestStep{
			Config: query(`{"dataframe_records":[{"sepal_length":5.1}]}`),
			ExpectError: acctest.Says("Cannot score serving endpoint", "request", "400 BAD_REQUEST",
				"refused the payload", "model's signature"),
		},
		resource.TestStep{Config: query(`{"rows":[]}`), ExpectError: acctest.Says("request", "400 BAD_REQUEST",
			"unknown field 'rows'")},
	)
	if asked := callers(w); len(asked) != 2 {
		t.Errorf("asked %q, want once for each payload", asked)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Test(t, resource.TestStep{
		Config: strings.Replace(asProvider(), `"iris"`, `"Iris"`, 1),
		ExpectError: acctest.Says("Cannot score serving endpoint", "endpoint_name", `no serving endpoint named "Iris"`,
			"case-sensitive"),
	})
}

// A foundation model has no access list and accepts messages.
func TestFoundationModel(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	chat := strings.Replace(hcl(attr("query_as", "provider"), "store_response = true",
		attr("request", `{"messages":[{"role":"user","content":"two words"}]}`)), `"iris"`, `"llama"`, 1)
	w.Test(t, resource.TestStep{Config: chat, ConfigStateChecks: []statecheck.StateCheck{
		is("response", knownvalue.StringRegexp(regexp.MustCompile(`You sent 2 words`))),
	}})
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	var steps []resource.TestStep
	for name, bad := range map[string]struct {
		config string
		error  *regexp.Regexp
	}{
		"no token":            {hcl(attr("query_as", "token"), attr("request", flower)), acctest.Says("Query has no token", "token")},
		"empty token":         {asToken(w, ""), acctest.Says("Query has no token")},
		"blank token":         {asToken(w, "  "), acctest.Says("Query has no token")},
		"a token too many":    {asProvider(attr("token", "dapi00")), acctest.Says("Query has a token that it does not use", "token", "Remove token")},
		"no secret":           {hcl(attr("query_as", "key_vault_secret"), attr("request", flower)), acctest.Says("Query has no Key Vault secret", "vault_uri")},
		"a secret too many":   {asProvider(`key_vault_secret = { vault_uri = "https://kv-ml.vault.azure.net/", name = "iris" }`), acctest.Says("Query has a Key Vault secret that it does not use", "Remove key_vault_secret")},
		"not a vault":         {asVaulted("kv-ml", "iris"), acctest.Says("Not the address of a vault with the query's token", "Write the vault's address")},
		"not a secret":        {asVaulted("https://kv-ml.vault.azure.net/", "iris token"), acctest.Says("Not the name of a Key Vault secret with the query's token", "letters, digits and hyphens")},
		"nobody asks":         {hcl(attr("request", flower)), acctest.Says("query_as")},
		"somebody else asks":  {hcl(attr("query_as", "me"), attr("request", flower)), acctest.Says("query_as", "provider", "token")},
		"request is not JSON": {hcl(attr("query_as", "provider"), attr("request", "{")), acctest.Says("Invalid JSON", "request")},
		"no request":          {hcl(attr("query_as", "provider")), acctest.Says("request")},
		"no endpoint":         {strings.Replace(asProvider(), `"iris"`, `""`, 1), acctest.Says("endpoint_name")},
	} {
		steps = append(steps, resource.TestStep{Config: "# " + name + "\n" + bad.config, PlanOnly: true,
			ExpectError: bad.error})
	}
	w.Test(t, steps...)
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests were made: %v", n, w.Tenant.Journal.Entries())
	}
}

// A token that is known only after apply may be empty. Then the provider sends no query, and above all none as its own
// identity.
func TestEmptyTokenKnownAfterApply(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.TestCLI(t, resource.TestStep{
		Config: `
resource "terraform_data" "x" {
  input = ""
}
` + hcl(attr("query_as", "token"), attr("request", flower), "token = terraform_data.x.output"),
		ExpectError: acctest.Says("Query has no token"),
	})
	if asked := callers(w); len(asked) != 0 {
		t.Errorf("asked %q", asked)
	}
}
