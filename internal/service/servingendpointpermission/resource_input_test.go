package servingendpointpermission_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// An error that the configuration alone shows appears in the plan, at its attribute, and without a request.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const app = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
	sp := func(value string) string { return hcl(attr("service_principal_name", value)) }
	w := newWorld(t)
	var steps []resource.TestStep
	for name, bad := range map[string]struct {
		config string
		error  *regexp.Regexp
	}{
		"display name":           {sp("iris scoring"), acctest.Says("Not an application id", "service_principal_name", "looks like a display name", "App registrations")},
		"one-word display name":  {sp("scoring"), acctest.Says("looks like a display name")},
		"hyphened display name":  {sp("iris-scoring"), acctest.Says("Not an application id", "looks like a display name")},
		"e-mail":                 {sp("bob@example.com"), acctest.Says("Not an application id", "is an e-mail address", "user_name")},
		"SCIM id":                {sp("5482650298754291"), acctest.Says("looks like a workspace (SCIM) id")},
		"id of azuread resource": {sp("/servicePrincipals/" + app), acctest.Says("azuread_service_principal", "client_id")},
		"empty id":               {sp(""), acctest.Says("is empty")},
		"UUID as user":           {hcl(attr("user_name", app)), acctest.Says("Not a user name", "user_name", "Write it in service_principal_name")},
		"name as user":           {hcl(attr("user_name", "iris scoring")), acctest.Says("Not a user name", "is not an e-mail address", "service_principal_name")},
		"admins":                 {hcl(attr("group_name", "admins")), acctest.Says("group_name", `the group "admins" always has all rights`)},
		"empty group":            {hcl(attr("group_name", "")), acctest.Says("group_name")},
		"empty endpoint":         {"resource \"dbxaccess_serving_endpoint_permission\" \"x\" {\n  endpoint_name = \"\"\n  group_name = \"x\"\n}", acctest.Says("endpoint_name")},
		"level":                  {hcl(attr("service_principal_name", app), attr("permission_level", "CAN_USE")), acctest.Says("permission_level", "CAN_VIEW", "CAN_QUERY", "CAN_MANAGE", "CAN_USE")},
		"level in lower case":    {hcl(attr("service_principal_name", app), attr("permission_level", "can_query")), acctest.Says("permission_level", "CAN_QUERY")},
		"nobody":                 {hcl(), acctest.Says("service_principal_name", "user_name", "group_name")},
		"two principals":         {hcl(attr("service_principal_name", app), attr("group_name", "x")), acctest.Says("group_name and service_principal_name are both set")},
		"timeout":                {hcl(attr("service_principal_name", app), `timeouts = { create = "soon" }`), acctest.Says("soon")},
	} {
		steps = append(steps, resource.TestStep{Config: "# " + name + "\n" + bad.config, PlanOnly: true,
			ExpectError: bad.error})
	}
	w.run(t, steps...)
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests were made: %v", n, w.Tenant.Journal.Entries())
	}
}
