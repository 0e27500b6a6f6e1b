package servingendpointpermissionsexclusive_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// An error that the configuration alone shows appears in the plan, at its attribute, and without a request.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const app = "abcdef9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
	sps := func(name string) string { return hcl(list("service_principals", name, "CAN_QUERY")) }
	users := func(name string) string { return hcl(list("users", name, "CAN_QUERY")) }
	ignore := func(what string) string { return hcl(`ignore_principals = ["` + what + `"]`) }
	says := acctest.Says
	w := newWorld(t)
	var steps []resource.TestStep
	for name, bad := range map[string]struct {
		config string
		error  *regexp.Regexp
	}{
		"display name":            {sps("iris-scoring"), says("Not an application id", "service_principals", "looks like a display name", "App registrations")},
		"e-mail as application":   {sps(bob), says("is an e-mail address. Users are named in users; a service principal")},
		"SCIM id":                 {sps("5482650298754291"), says("looks like a workspace (SCIM) id")},
		"azuread id":              {sps("/servicePrincipals/" + app), says("azuread_service_principal", "client_id")},
		"UUID as user":            {users(app), says("Not a user name", "users", "Write it in service_principals.")},
		"name as user":            {users("iris scoring"), says("is not an e-mail address", "Name a service principal in service_principals")},
		"admins":                  {hcl(list("groups", "admins", "CAN_MANAGE")), says("Not a group that is managed here", "the group admins always has all rights")},
		"empty group":             {hcl(list("groups", "", "CAN_VIEW")), says("Not a group that is managed here", "it is empty")},
		"level":                   {hcl(list("users", bob, "CAN_USE")), says("users", "CAN_VIEW", "CAN_QUERY", "CAN_MANAGE", "CAN_USE")},
		"level in lower case":     {hcl(list("groups", team, "can_query")), says("groups", "CAN_QUERY")},
		"null level":              {hcl(`users = { "` + bob + `" = null }`), says("users", "null value")},
		"null to ignore":          {hcl(`ignore_principals = [null]`), says("ignore_principals", "null value")},
		"application twice":       {hcl(list("service_principals", app, "CAN_QUERY", strings.ToUpper(app), "CAN_VIEW")), says("Principal is listed twice", strings.ToUpper(app), app)},
		"user twice":              {hcl(list("users", bob, "CAN_QUERY", "Bob@example.com", "CAN_VIEW")), says("Principal is listed twice", "upper and lower case do not matter")},
		"listed and ignored":      {hcl(list("users", bob, "CAN_QUERY"), `ignore_principals = ["user_name=BOB@example.com"]`), says("Principal is listed and ignored", "user_name="+bob)},
		"ignored without kind":    {ignore(bob), says("Ignored principal has no kind or no name", "user_name=E-MAIL")},
		"ignored without name":    {ignore("group_name="), says("Ignored principal has no kind or no name")},
		"ignored by display name": {ignore("service_principal_name=iris-scoring"), says("Not an application id", "looks like a display name")},
		"ignored UUID as user":    {ignore("user_name=" + app), says("Not a user name")},
		"on_unlisted":             {hcl(`on_unlisted = "ignore"`), says("on_unlisted", "remove", "warn", "error")},
		"removed_on_create":       {hcl(`removed_on_create = []`), says("removed_on_create")},
		"empty endpoint":          {strings.Replace(hcl(), "iris", "", 1), says("endpoint_name")},
		"timeout":                 {hcl(`timeouts = { create = "soon" }`), says("soon")},
	} {
		steps = append(steps, resource.TestStep{Config: "# " + name + "\n" + bad.config, PlanOnly: true,
			ExpectError: bad.error})
	}
	w.Test(t, steps...)
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests were made: %v", n, w.Tenant.Journal.Entries())
	}
}

// One principal in two spellings is still one principal, and the plan still shows the other removals.
func TestIgnoredInTwoSpellings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant("iris", bob, "CAN_VIEW")
	w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY")
	ignore := `ignore_principals = ["user_name=bob@example.com", "user_name=Bob@example.com"]`
	c := w.terraform(t, w.usualList(ignore))
	c.plan(t, 2).MustSay(t, "service_principal_name/"+neighbor+" CAN_QUERY")
	c.apply(t)
	want := w.usualGrants()
	want[bob] = "CAN_VIEW"
	w.holds(t, want)
	c.plan(t, 0)
	c.Rewrite(t, w.usualList(ignore, `on_unlisted = "error"`))
	c.apply(t)
	w.Workspace.SetGrant("iris", neighbor, "CAN_QUERY")
	c.plan(t, 2).MustSay(t, "The apply will fail because of unlisted grants on serving endpoint: iris", neighbor)
}
