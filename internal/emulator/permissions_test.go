package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/databricks/databricks-sdk-go/service/serving"
)

const permissionsPath = "/api/2.0/permissions/serving-endpoints/"
const tokensPath = "/api/2.0/permissions/authorization/tokens"

func acl(entries ...string) string {
	return `{"access_control_list":[` + strings.Join(entries, ",") + `]}`
}

func entry(kind, name, level string) string {
	return fmt.Sprintf(`{%q:%q,"permission_level":%q}`, kind, name, level)
}

// rows returns the entries of an access list in an answer as sorted text: kind=name level[ inherited].
func rows(t *testing.T, a rawAnswer) []string {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var list []string
	for _, row := range a.json(t)["access_control_list"].([]any) {
		m := row.(map[string]any)
		for _, kind := range []string{"service_principal_name", "user_name", "group_name"} {
			if m[kind] == nil {
				continue
			}
			for _, p := range m["all_permissions"].([]any) {
				line := fmt.Sprintf("%s=%s %s", kind, m[kind], p.(map[string]any)["permission_level"])
				inherited, given := p.(map[string]any)["inherited"].(bool)
				if !given {
					t.Errorf("inherited is missing in %v", p)
				}
				if inherited {
					line += fmt.Sprintf(" inherited%v", p.(map[string]any)["inherited_from_object"])
				}
				list = append(list, line)
			}
		}
	}
	slices.Sort(list)
	return list
}

const inheritedAdmins = "group_name=admins CAN_MANAGE inherited[/serving-endpoints/]"

func TestEndpointPermissionsWithTheSDK(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	c := l.sdk(l.entraToken(l.admin))
	endpoints, generic := serving.NewServingEndpoints(c), iam.NewPermissions(c)
	got, err := endpoints.UpdatePermissions(ctx,
		serving.ServingEndpointPermissionsRequest{ServingEndpointId: l.endpoint,
			AccessControlList: []serving.ServingEndpointAccessControlRequest{{ServicePrincipalName: strings.ToUpper(
				l.member.ClientID), PermissionLevel: "CAN_QUERY"}}})
	if err != nil || got.ObjectId != "/serving-endpoints/"+l.endpoint || got.ObjectType != "serving-endpoint" ||
		len(got.AccessControlList) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if grants := l.Grants("iris"); !maps.Equal(grants, map[string]string{l.member.ClientID: "CAN_QUERY",
		"ada@example.com": "CAN_MANAGE"}) {
		t.Errorf("grants %v", grants)
	}
	object, err := generic.Get(ctx, iam.GetPermissionRequest{RequestObjectType: "serving-endpoints",
		RequestObjectId: l.endpoint})
	if err != nil || len(object.AccessControlList) != 3 {
		t.Fatalf("%+v, %v", object, err)
	}
	i := slices.IndexFunc(object.AccessControlList, func(r iam.AccessControlResponse) bool {
		return r.ServicePrincipalName == l.member.ClientID
	})
	if i < 0 || object.AccessControlList[i].DisplayName != "scorer" {
		t.Errorf("list %+v", object.AccessControlList)
	}
	levels, err := endpoints.GetPermissionLevels(ctx,
		serving.GetServingEndpointPermissionLevelsRequest{ServingEndpointId: l.endpoint})
	if err != nil || len(levels.PermissionLevels) != 3 {
		t.Errorf("levels %+v, %v", levels, err)
	}
	// Set with an empty list removes all direct grants, whoever has them.
	if got, err = endpoints.SetPermissions(ctx,
		serving.ServingEndpointPermissionsRequest{ServingEndpointId: l.endpoint}); err != nil ||
		len(got.AccessControlList) != 1 || got.AccessControlList[0].GroupName != "admins" {
		t.Errorf("after an empty set: %+v, %v", got, err)
	}
	if len(l.Grants("iris")) != 0 {
		t.Errorf("grants %v", l.Grants("iris"))
	}
}

func TestEndpointPermissionRules(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin, path, sp := l.entraToken(l.admin), permissionsPath+l.endpoint, l.member.ClientID
	ada := "user_name=ada@example.com CAN_MANAGE"
	check := func(what string, a rawAnswer, want ...string) {
		t.Helper()
		if got := rows(t, a); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("at first", l.ask(admin, "GET", path, ""), inheritedAdmins, ada)
	check("a service principal as user_name", l.ask(admin, "PATCH", path, acl(entry("user_name", sp, "CAN_QUERY"))),
		inheritedAdmins, ada, "service_principal_name="+sp+" CAN_QUERY")
	check("lowered by PATCH", l.ask(admin, "PATCH", path, acl(entry("service_principal_name", sp, "CAN_VIEW"))),
		inheritedAdmins, ada, "service_principal_name="+sp+" CAN_VIEW")
	check("the last of two wins", l.ask(admin, "PATCH", path, acl(entry("service_principal_name", sp, "CAN_MANAGE"),
		entry("service_principal_name", sp, "CAN_QUERY"))), inheritedAdmins, ada, "service_principal_name="+
		sp+" CAN_QUERY")
	check("empty PATCH", l.ask(admin, "PATCH", path, `{}`), inheritedAdmins, ada, "service_principal_name="+
		sp+" CAN_QUERY")
	check("PUT", l.ask(admin, "PUT", path, acl(entry("group_name", "users", "CAN_VIEW"),
		entry("group_name", "admins", "CAN_MANAGE"))),
		inheritedAdmins, "group_name=admins CAN_MANAGE", "group_name=users CAN_VIEW")
	check("read back", l.ask(admin, "GET", path, ""), inheritedAdmins, "group_name=admins CAN_MANAGE",
		"group_name=users CAN_VIEW")

	// The order of the entries changes between answers.
	orders := map[string]bool{}
	for range 60 {
		raw, _ := json.Marshal(l.ask(admin, "GET", path, "").json(t)["access_control_list"])
		orders[string(raw)] = true
	}
	if len(orders) < 2 {
		t.Error("the order of entries never changes")
	}

	l.SetGrant("iris", sp, "CAN_QUERY")
	l.SetSwitches(WorkspaceSwitches{PatchNeverLowers: true, EmptyPatchRefused: true, UserNameEchoed: true,
		InheritedFromObject: "/elsewhere/"})
	l.ask(admin, "PUT", path, acl(entry("user_name", sp, "CAN_QUERY")))
	check("switches", l.ask(admin, "PATCH", path, acl(entry("service_principal_name", sp, "CAN_VIEW"))),
		"group_name=admins CAN_MANAGE inherited[/elsewhere/]", "user_name="+sp+" CAN_QUERY")
	if a := l.ask(admin, "PATCH", path, `{}`); a.status != 400 {
		t.Errorf("empty PATCH: %d", a.status)
	}
}

func TestEndpointPermissionRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin, path, sp := l.entraToken(l.admin), permissionsPath+l.endpoint, l.member.ClientID
	before := fmt.Sprint(l.Snapshot())
	good := entry("service_principal_name", sp, "CAN_QUERY")
	for name, test := range map[string]struct {
		path, body    string
		status        int
		code, message string
	}{
		"name for id":             {permissionsPath + "iris", acl(good), 400, "INVALID_PARAMETER_VALUE", "'iris' is not a valid Inference Endpoint ID."},
		"unknown id":              {permissionsPath + strings.Repeat("0", 32), acl(good), 404, "RESOURCE_DOES_NOT_EXIST", "Inference endpoint with ID " + strings.Repeat("0", 32) + " does not exist."},
		"display name":            {path, acl(good, entry("service_principal_name", "scorer", "CAN_QUERY")), 404, "RESOURCE_DOES_NOT_EXIST", "Principal: ServicePrincipalName(scorer) does not exist"},
		"user as principal":       {path, acl(entry("service_principal_name", "ada@example.com", "CAN_QUERY")), 404, "RESOURCE_DOES_NOT_EXIST", "Principal: ServicePrincipalName(ada@example.com) does not exist"},
		"unknown user":            {path, acl(entry("user_name", "bob@example.com", "CAN_QUERY")), 404, "RESOURCE_DOES_NOT_EXIST", "Principal: UserName(bob@example.com) does not exist"},
		"account group":           {path, acl(entry("group_name", "account users", "CAN_QUERY")), 404, "RESOURCE_DOES_NOT_EXIST", "Principal: GroupName(account users) does not exist"},
		"empty principal":         {path, acl(entry("service_principal_name", "", "CAN_QUERY")), 404, "RESOURCE_DOES_NOT_EXIST", "Principal: ServicePrincipalName() does not exist"},
		"no principal":            {path, acl(`{"permission_level":"CAN_QUERY"}`), 400, "INVALID_PARAMETER_VALUE", "Principal name not defined"},
		"two principals":          {path, acl(`{"user_name":"ada@example.com","group_name":"users","permission_level":"CAN_QUERY"}`), 400, "INVALID_PARAMETER_VALUE", "Exactly one of user_name, group_name and service_principal_name must be given."},
		"level of another object": {path, acl(entry("service_principal_name", sp, "CAN_USE")), 400, "INVALID_PARAMETER_VALUE", "'CAN_USE' is not a valid permission level for serving-endpoint."},
		"no level":                {path, acl(`{"service_principal_name":"` + sp + `"}`), 400, "INVALID_PARAMETER_VALUE", "'' is not a valid permission level for serving-endpoint."},
		"lower admins":            {path, acl(entry("group_name", "admins", "CAN_VIEW")), 400, "BAD_REQUEST", "Cannot change permissions for group 'admins' to CAN_VIEW."},
		"wrong field":             {path, acl(`{"application_id":"` + sp + `","permission_level":"CAN_QUERY"}`), 400, "MALFORMED_REQUEST", `Could not parse request object: unknown field "application_id"`},
		"not JSON":                {path, `{"access_control_list":`, 400, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request - failed to parse given JSON"},
	} {
		for _, method := range []string{"PATCH", "PUT"} {
			t.Run(name+" "+method, func(t *testing.T) {
				l.t = t
				l.refused(l.ask(admin, method, test.path, test.body), test.status, test.code, test.message)
			})
		}
	}
	l.t = t
	if fmt.Sprint(l.Snapshot()) != before {
		t.Error("a refused request changed something")
	}
	member := l.entraToken(l.member)
	l.SetGrant("iris", sp, "CAN_QUERY")
	text := sp + " does not have Manage permissions on Inference Endpoint with ID: " + l.endpoint +
		". Please contact the owner or an administrator for access."
	for _, method := range []string{"GET", "PUT", "PATCH"} {
		l.refused(l.ask(member, method, path, acl(good)), 403, "PERMISSION_DENIED", text)
	}
	// CAN_MANAGE through a group allows a principal to change the access list, too.
	l.AddGroup("owners")
	l.AddToGroup("owners", sp)
	l.SetGrant("iris", "owners", "CAN_MANAGE")
	if a := l.ask(member, "PATCH", path, acl(good)); a.status != 200 {
		t.Errorf("a manager through a group: %d %s", a.status, a.body)
	}
	l.SetSwitches(WorkspaceSwitches{UnknownPrincipal: Refusal{Status: 400, Code: "BAD_REQUEST"}})
	l.refused(l.ask(admin, "PATCH", path, acl(entry("group_name", "x", "CAN_QUERY"))), 400, "BAD_REQUEST",
		"Principal: GroupName(x) does not exist")
}

func TestListOutlivesTheEndpoint(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin, old := l.entraToken(l.admin), permissionsPath+l.endpoint
	l.SetGrant("iris", l.member.ClientID, "CAN_QUERY")
	l.DeleteEndpoint("iris")
	if got := rows(t, l.ask(admin, "GET", old, "")); len(got) != 3 {
		t.Errorf("list of a deleted endpoint: %v", got)
	}
	id := l.CreateEndpoint("iris", "")
	if id == l.endpoint {
		t.Fatal("the re-created endpoint has the old id")
	}
	if got := rows(t, l.ask(admin, "GET", permissionsPath+id, "")); !slices.Equal(got, []string{inheritedAdmins}) {
		t.Errorf("list of the re-created endpoint: %v", got)
	}
	body := acl(entry("group_name", "users", "CAN_QUERY"))
	if a := l.ask(admin, "PATCH", old, body); a.status != 200 || len(l.Grants("iris")) != 0 {
		t.Errorf("write to the old list: %d, %v", a.status, l.Grants("iris"))
	}
	l.SetSwitches(WorkspaceSwitches{DeletedListReadOnly: true})
	if get, patch := l.ask(admin, "GET", old, "").status, l.ask(admin, "PATCH", old, body).status; get != 200 ||
		patch != 404 {
		t.Errorf("read-only: %d %d", get, patch)
	}
	l.SetSwitches(WorkspaceSwitches{DeletedListGone: true})
	if get := l.ask(admin, "GET", old, "").status; get != 404 {
		t.Errorf("gone: %d", get)
	}
}

func TestRemovedPrincipalLeavesTheLists(t *testing.T) {
	for _, stale := range []bool{false, true} {
		l := newLab(t, WorkspaceSwitches{StaleGrantsShown: stale})
		l.SetGrant("iris", l.member.ClientID, "CAN_QUERY")
		l.SetGrant("authorization/tokens", l.member.ClientID, "CAN_USE")
		l.MintToken(l.member.ClientID, "", time.Hour)
		l.RemovePrincipal(l.member.ClientID)
		if got := rows(t, l.ask(l.entraToken(l.admin), "GET", permissionsPath+l.endpoint,
			"")); (len(got) == 3) != stale {
			t.Errorf("stale %v: %v", stale, got)
		}
		if tokens := l.Snapshot().Tokens; len(tokens) != 0 {
			t.Errorf("its tokens outlive it: %v", tokens)
		}
		// A new service principal with the same application id is another principal, without the old grants.
		l.AddServicePrincipal(l.member.ClientID, "again")
		if status := l.ask(l.entraToken(l.member), "GET", "/api/2.0/serving-endpoints/iris", "").status; status != 403 {
			t.Errorf("stale %v: the old grant serves the new principal: %d", stale, status)
		}
	}
}

func TestTokenPermissions(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin, sp := l.entraToken(l.admin), l.member.ClientID
	l.refused(l.ask(admin, "GET", tokensPath, ""), 404, "RESOURCE_DOES_NOT_EXIST", "tokens tokens does not exist")
	l.ask(admin, "POST", "/api/2.0/token/create", `{}`)
	a := l.ask(admin, "GET", tokensPath, "")
	if got := rows(t, a); !slices.Equal(got, []string{"group_name=admins CAN_MANAGE"}) ||
		a.json(t)["object_id"] != "/authorization/tokens" || a.json(t)["object_type"] != "tokens" {
		t.Errorf("at first: %s", a.body)
	}
	if got := rows(t, l.ask(admin, "PATCH", tokensPath, acl(entry("service_principal_name", sp, "CAN_USE")))); len(
		got) != 2 {
		t.Errorf("granted: %v", got)
	}
	l.refused(l.ask(admin, "PATCH", tokensPath, acl(entry("service_principal_name", sp, "CAN_MANAGE"))), 400,
		"INVALID_PARAMETER_VALUE", "Only the group 'admins' can have CAN_MANAGE on tokens.")
	l.refused(l.ask(admin, "PUT", tokensPath, acl(entry("service_principal_name", sp, "CAN_USE"))), 400, "BAD_REQUEST",
		"Cannot change permissions for group 'admins' to None.")
	l.refused(l.ask(l.entraToken(l.member), "GET", tokensPath, ""), 403, "PERMISSION_DENIED", sp+" does not have "+
		"Manage permissions on tokens. Please contact the owner or an administrator for access.")
	if a := l.ask(admin, "GET", tokensPath+"/permissionLevels", ""); !strings.Contains(a.body, "CAN_USE") ||
		strings.Contains(a.body, "CAN_QUERY") {
		t.Errorf("levels %s", a.body)
	}

	// Removing a direct CAN_USE deletes the principal's tokens; removing CAN_USE from its group only blocks them.
	_, value := l.MintToken(sp, "", time.Hour)
	works := func() bool { return l.ask(value, "GET", "/api/2.0/clusters/list", "").status == 200 }
	if !works() {
		t.Fatal("a token of a principal with CAN_USE does not work")
	}
	if got := rows(t, l.ask(admin, "PUT", tokensPath, acl(entry("group_name", "admins", "CAN_MANAGE")))); len(
		got) != 1 {
		t.Errorf("after PUT: %v", got)
	}
	if works() || len(l.Snapshot().Tokens) != 1 {
		t.Errorf("tokens left: %v", l.Snapshot().Tokens)
	}
	l.AddGroup("tokenists")
	l.AddToGroup("tokenists", sp)
	l.SetGrant("authorization/tokens", "tokenists", "CAN_USE")
	if _, value = l.MintToken(sp, "", time.Hour); !works() {
		t.Error("the right through a group is not honoured")
	}
	l.RemoveGrant("authorization/tokens", "tokenists")
	if works() || len(l.Snapshot().Tokens) != 2 {
		t.Errorf("without the group's right: works %v, %v", works(), l.Snapshot().Tokens)
	}
	l.SetSwitches(WorkspaceSwitches{UsersMayUseTokens: true})
	if !works() || !slices.Contains(l.Snapshot().TokenGrants, "group_name=users CAN_USE") {
		t.Error("the switch for the default right does nothing")
	}
	if l2 := newLab(t, WorkspaceSwitches{TokenListAlwaysThere: true, UsersMayUseTokens: true}); len(rows(t,
		l2.ask(l2.entraToken(l2.admin), "GET", tokensPath, ""))) != 2 {
		t.Error("the list is not there from the start")
	}
}

func TestGrantDelay(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{GrantDelay: 2 * time.Minute})
	score := func() int {
		return l.ask(l.entraToken(l.member), "POST", "/serving-endpoints/iris/invocations",
			`{"instances":[[5,3,1,0.2]]}`).status
	}
	l.SetGrant("iris", l.member.ClientID, "CAN_QUERY")
	if status := score(); status != 403 {
		t.Errorf("at once: %d", status)
	}
	l.tenant.Clock.Advance(2 * time.Minute)
	if status := score(); status != 200 {
		t.Errorf("later: %d", status)
	}
	l.SetGrant("iris", l.member.ClientID, "CAN_VIEW")
	if status := score(); status != 403 {
		t.Errorf("lowered: %d", status)
	}
}
