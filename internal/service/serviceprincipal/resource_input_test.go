package serviceprincipal_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestBadInput(t *testing.T) {
	t.Parallel()
	const good = `application_id = "11111111-2222-3333-4444-555555555555"`
	for name, test := range map[string]struct {
		lines []string
		want  string
	}{
		"neither id nor name":         {nil, `neither application id nor name.*display_name`},
		"display name as id":          {[]string{`application_id = "iris scoring"`}, `Not an application id.*looks like a display name.*App registrations`},
		"e-mail as id":                {[]string{`application_id = "ada@example.com"`}, `Not an application id.*e-mail`},
		"SCIM id as id":               {[]string{`application_id = "2345678901234567"`}, `Not an application id.*SCIM`},
		"azuread_application's id":    {[]string{`application_id = "/applications/11111111-2222-3333-4444-555555555555"`}, `azuread_application.*client_id`},
		"UUID in braces":              {[]string{`application_id = "{11111111-2222-3333-4444-555555555555}"`}, `Not an application id.*is not a UUID`},
		"empty id":                    {[]string{`application_id = ""`}, `Not an application id.*is empty`},
		"empty name":                  {[]string{good, `display_name = ""`}, `display_name.*at least 1`},
		"unknown entitlement":         {[]string{good, `entitlements = ["workspace_access"]`}, `workspace_access`},
		"consume with access":         {[]string{good, `entitlements = ["workspace-consume", "workspace-access"]`}, `workspace-consume excludes other entitlements.*refuses it together with`},
		"consume with SQL":            {[]string{good, `entitlements = ["databricks-sql-access", "workspace-consume"]`}, `workspace-consume excludes other entitlements`},
		"unknown on_destroy":          {[]string{good, `on_destroy = "keep"`}, `on_destroy.*retain`},
		"adopting without on_destroy": {[]string{good, `adopt_existing = true`}, `adopt_existing requires on_destroy.*retain`},
		"adopting without id":         {[]string{`display_name = "a"`, `adopt_existing = true`, `on_destroy = "retain"`}, `Nothing to adopt without an application id`},
		"timeout without unit":        {[]string{good, `timeouts = { create = "5" }`}, `Time Duration.*"5"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Test(t, resource.TestStep{Config: hcl(test.lines...), PlanOnly: true,
				ExpectError: acctest.Words(test.want)})
			if n := w.Count("", "", ""); n != 0 {
				t.Errorf("%d requests for what the configuration alone shows", n)
			}
		})
	}
}

// Values that are known only later are valid.
func TestUnknownInput(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.TestCLI(t, resource.TestStep{
		Config: `resource "terraform_data" "later" {
			input = { id = "` + w.ScoringApp.ClientID +
			`", adopt = true, destroy = "delete", entitlement = "workspace-access" }
		}
		resource "dbxaccess_service_principal" "app" {
			application_id = terraform_data.later.output.id
			display_name   = "a"
			adopt_existing = terraform_data.later.output.adopt
			on_destroy     = terraform_data.later.output.destroy
			entitlements   = [terraform_data.later.output.entitlement]
		}`,
		Check: holds(w, "a", true, "workspace-access"),
	})
}

// The service's own refusals appear with the service's words, and leave nothing behind.
func TestRefusalShowsTheServicesWords(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: all, Status: 400,
		Code: "invalidValue", Message: "this name is taken by the platform"})
	w.Test(t, resource.TestStep{
		Config:      entra(w, `display_name = "system"`),
		ExpectError: acctest.Words(`Cannot create service principal.*400.*taken by the platform`),
	})
	if left := members(w); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestBadImport(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"scoring":                                `malformed.*neither an application id`,
		"ada@example.com":                        `malformed`,
		"{11111111-2222-3333-4444-555555555555}": `malformed`,
		"11111111222233334444555555555555":       `Cannot import|non-existent`, // digits only, so it may be a SCIM id
		"11111111-2222-3333-4444-555555555555":   `Cannot import service principal.*no such service principal.*not the object id`,
		"123":                                    `Cannot import service principal.*no such service principal.*SCIM id`,
		"scoring/admins":                         `malformed`,
		"/applications/11111111-2222-3333-4444-555555555555": `malformed`,
		"12 3": `malformed`,
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Test(t, resource.TestStep{Config: entra(w) + importBlock(id), ExpectError: acctest.Words(want)})
		})
	}
}

// If somebody imports an object id or a name, the error says to which principal it belongs.
func TestImportHints(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	scimID := w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, `scoring "é" \ job`)
	w.Workspace.SetExternalID(w.ScoringApp.ClientID, w.ScoringApp.ObjectID)
	twin := w.Workspace.AddServicePrincipal("", "twin")
	other := w.Workspace.AddServicePrincipal("", "twin")
	for id, want := range map[string]string{
		w.ScoringApp.ObjectID: `The value is the object id of this service principal: application id ` +
			w.ScoringApp.ClientID + `.*` + scimID,
		`scoring \"é\" \\ job`: `malformed.*display name: application id ` + w.ScoringApp.ClientID,
		"twin":                 `malformed.*2 service principals have the value as their display name.*` + twin + `.*` + other,
		"nobody":               `malformed.*nor a SCIM id \(digits\)\.`,
	} {
		w.Test(t, resource.TestStep{Config: entra(w) + importBlock(id), ExpectError: acctest.Words(want)})
	}
}
