package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/google/uuid"
)

const spPath = "/api/2.0/preview/scim/v2/ServicePrincipals"
const groupPath = "/api/2.0/preview/scim/v2/Groups"

func spPatch(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
}

func TestServicePrincipalLifeWithTheSDK(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	api := iam.NewServicePrincipalsV2(l.sdk(l.entraToken(l.admin)))
	appID := uuid.NewString()
	made, err := api.Create(ctx, iam.CreateServicePrincipalRequest{ApplicationId: appID, DisplayName: "x", Active: true,
		Entitlements: []iam.ComplexValue{{Value: "workspace-access"}}})
	if err != nil {
		t.Fatal(err)
	}
	if made.ApplicationId != appID || made.Id == appID || !made.Active ||
		made.Entitlements[0].Value != "workspace-access" {
		t.Fatalf("made %+v", made)
	}
	_, err = api.Create(ctx, iam.CreateServicePrincipalRequest{ApplicationId: strings.ToUpper(appID)})
	var apiErr *apierr.APIError
	if !errors.As(err, &apiErr) || apiErr.StatusCode != 409 ||
		apiErr.Message != "Service principal with application ID "+strings.ToUpper(appID)+" already exists." {
		t.Errorf("a second one: %v", err)
	}
	if err := api.Patch(ctx, iam.PatchServicePrincipalRequest{Id: made.Id,
		Schemas: []iam.PatchSchema{iam.PatchSchemaUrnIetfParamsScimApiMessages20PatchOp},
		Operations: []iam.Patch{
			{Op: iam.PatchOpReplace, Path: "active", Value: []iam.ComplexValue{{Value: "false"}}},
			{Op: iam.PatchOpAdd, Path: "entitlements", Value: []iam.ComplexValue{{Value: "allow-cluster-create"}}},
			{Op: iam.PatchOpRemove, Path: `entitlements[value eq "workspace-access"]`},
		}}); err != nil {
		t.Fatal(err)
	}
	read, err := api.Get(ctx, iam.GetServicePrincipalRequest{Id: made.Id})
	if err != nil || read.Active || len(read.Entitlements) != 1 ||
		read.Entitlements[0].Value != "allow-cluster-create" {
		t.Fatalf("after patch: %+v, %v", read, err)
	}
	// SCIM PUT also removes attributes and memberships that the request does not name.
	l.AddGroup("scorers")
	l.AddToGroup("scorers", appID)
	if read, err = api.Get(ctx, iam.GetServicePrincipalRequest{Id: made.Id}); err != nil || len(read.Groups) != 1 ||
		read.Groups[0].Display != "scorers" {
		t.Fatalf("groups %+v, %v", read, err)
	}
	err = api.Update(ctx, iam.UpdateServicePrincipalRequest{Id: made.Id, DisplayName: "y", Active: true})
	if !errors.As(err, &apiErr) || apiErr.StatusCode != 400 || !strings.Contains(apiErr.Message, "applicationId") {
		t.Errorf("PUT without the application id: %v", err)
	}
	if err := api.Update(ctx, iam.UpdateServicePrincipalRequest{Id: made.Id, ApplicationId: appID, DisplayName: "y",
		Active: true}); err != nil {
		t.Fatal(err)
	}
	if read, _ = api.Get(ctx, iam.GetServicePrincipalRequest{Id: made.Id}); read.DisplayName != "y" ||
		read.Entitlements != nil || read.Groups != nil {
		t.Errorf("after PUT: %+v", read)
	}
	found, err := api.ListAll(ctx, iam.ListServicePrincipalsRequest{Filter: fmt.Sprintf("applicationId eq %q", appID)})
	if err != nil || len(found) != 1 || found[0].Id != made.Id {
		t.Errorf("lookup: %v, %v", found, err)
	}
	if err := api.Delete(ctx, iam.DeleteServicePrincipalRequest{Id: made.Id}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Get(ctx, iam.GetServicePrincipalRequest{Id: made.Id}); !errors.Is(err, apierr.ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
	if err := api.Delete(ctx, iam.DeleteServicePrincipalRequest{Id: made.Id}); !errors.Is(err, apierr.ErrNotFound) {
		t.Errorf("second delete: %v", err)
	}
}

func TestServicePrincipalKinds(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	if a := l.ask(admin, "POST", spPath,
		`{"displayName":"managed here","entitlements":[{"value":""}]}`); a.status != 201 ||
		uuid.Validate(a.json(t)["applicationId"].(string)) != nil || a.json(t)["entitlements"] != nil {
		t.Errorf("Databricks managed: %d %s", a.status, a.body)
	}
	id := uuid.NewString()
	if a := l.ask(admin, "POST", spPath, `{"applicationId":"`+id+`"}`); a.status != 201 ||
		a.json(t)["displayName"] != id || a.json(t)["active"] != true {
		t.Errorf("without a name: %d %s", a.status, a.body)
	}
	for body, detail := range map[string]string{
		`{}`:                       "applicationId or displayName",
		`{"applicationId":"name"}`: "not a UUID",
		`{"displayName":"x","entitlements":[{"value":"superuser"}]}`:                                      "superuser",
		`{"displayName":"x","entitlements":[{"value":"workspace-consume"},{"value":"workspace-access"}]}`: "combined",
		`{"displayName":"x","externalId":"` + strings.Repeat("e", 65) + `"}`:                              "externalId",
	} {
		l.scimRefused(l.ask(admin, "POST", spPath, body), 400, "invalidValue", detail)
	}
	l.scimRefused(l.ask(admin, "POST", spPath, `{"displayName`), 400, "invalidSyntax", "unparsable")
	before := len(l.Snapshot().ServicePrincipals)
	if before != 4 {
		t.Errorf("refused requests left something: %d service principals", before)
	}
	l.SetSwitches(WorkspaceSwitches{DuplicateAsUser: true, SCIMDuplicate: Refusal{Status: 400},
		DefaultDisplayName: "from Entra"})
	l.scimRefused(l.ask(admin, "POST", spPath, `{"applicationId":"`+id+`"}`), 400, "", "User with email "+id+
		" already exists in this account")
	if a := l.ask(admin, "POST", spPath, `{"applicationId":"`+uuid.NewString()+
		`"}`); a.json(t)["displayName"] != "from Entra" {
		t.Errorf("default name: %s", a.body)
	}
}

func TestServicePrincipalPatchRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	path := spPath + "/" + l.AddServicePrincipal("", "patched")
	before := l.Snapshot()
	for name, test := range map[string]struct{ operation, scimType, detail string }{
		"remove unset entitlements":  {`{"op":"remove","path":"entitlements"}`, "invalidPath", "No such attribute with the name : entitlements in the current resource"},
		"remove unset, by value":     {`{"op":"remove","path":"entitlements","value":[{"value":"workspace-access"}]}`, "invalidPath", "No such attribute"},
		"remove groups with a value": {`{"op":"remove","path":"groups","value":[{"value":"1"}]}`, "invalidValue", "must not have a value"},
		"null is a value":            {`{"op":"remove","path":"groups","value":null}`, "invalidValue", "must not have a value"},
		"unknown entitlement":        {`{"op":"add","path":"entitlements","value":[{"value":"superuser"}]}`, "invalidValue", "superuser"},
		"application id":             {`{"op":"replace","path":"applicationId","value":"x"}`, "mutability", "applicationId"},
		"unknown attribute":          {`{"op":"replace","path":"nickname","value":"x"}`, "invalidPath", "nickname"},
		"unknown op":                 {`{"op":"set","path":"active","value":true}`, "invalidSyntax", "set"},
		"active as a word":           {`{"op":"replace","path":"active","value":"maybe"}`, "invalidValue", "true or false"},
		"no path":                    {`{"op":"remove"}`, "noTarget", "path"},
		// The first operation is valid, but must have no effect, because the second is not.
		"second of two": {`{"op":"replace","path":"displayName","value":"new"},{"op":"remove","path":"roles"}`, "invalidPath", "roles"},
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			l.scimRefused(l.ask(admin, "PATCH", path, spPatch(test.operation)), 400, test.scimType, test.detail)
		})
	}
	l.t = t
	l.scimRefused(l.ask(admin, "PATCH", path, `{"Operations":[{"op":"replace","path":"active","value":false}]}`), 400,
		"invalidSyntax", "PatchOp")
	if fmt.Sprint(before) != fmt.Sprint(l.Snapshot()) {
		t.Error("a refused patch changed something")
	}
	if a := l.ask(admin, "PATCH", path,
		spPatch(`{"op":"Replace","value":{"active":false,"entitlements":[{"value":"workspace-access"}]}}`)); a.status != 200 || a.json(t)["active"] != false || a.json(t)["entitlements"] == nil {
		t.Errorf("without a path: %d %s", a.status, a.body)
	}
	if a := l.ask(admin, "PATCH", path,
		spPatch(`{"op":"replace","path":"active","value":true},{"op":"remove","path":"entitlements","value":[{"value":"workspace-access"}]}`)); a.status != 200 || a.json(t)["entitlements"] != nil || a.json(t)["active"] != true {
		t.Errorf("plain values: %d %s", a.status, a.body)
	}
}

func TestServicePrincipalList(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	for _, name := range []string{"Alpha", "beta", `ga"mma`} {
		l.AddServicePrincipal("", name)
	}
	list := func(token, query string) (rawAnswer, []string) {
		a := l.ask(token, "GET", spPath+"?"+query, "")
		var names []string
		if resources, ok := a.json(t)["Resources"].([]any); ok {
			for _, r := range resources {
				names = append(names, r.(map[string]any)["displayName"].(string))
			}
		}
		return a, names
	}
	for text, want := range map[string]string{
		`displayName eq "alpha"`:                               "Alpha",
		`displayName eq 'Alpha'`:                               "Alpha",
		`displayName eq Alpha`:                                 "Alpha",
		`displayName eq "ga\"mma"`:                             `ga"mma`,
		`displayName co "ET"`:                                  "beta",
		`displayName sw "al" or displayName eq "beta"`:         "Alpha,beta",
		`displayName sw "al" and displayName eq "beta"`:        "",
		`displayName ne "Alpha" and not_known`:                 "400",
		`(displayName eq "beta")`:                              "beta",
		`applicationId eq "` + l.member.ClientID + `"`:         "scorer",
		`displayName co ''`:                                    "500",
		`displayName like "x"`:                                 "400",
		`displayName eq`:                                       "400",
		`color eq "x"`:                                         "400",
		strings.Repeat(`id eq "1" or `, 200) + `id eq "1"`:     "400",
		`displayName ne "Alpha" and displayName ne "deployer"`: `scorer,beta,ga"mma`,
	} {
		a, names := list(admin, "filter="+url.QueryEscape(text))
		got := strings.Join(names, ",")
		if a.status != 200 {
			got = fmt.Sprint(a.status)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	a, names := list(admin, "startIndex=3&count=2&sortBy=displayName&sortOrder=descending")
	if m := a.json(t); m["startIndex"] != 3.0 || m["itemsPerPage"] != 2.0 || m["totalResults"] != 5.0 ||
		strings.Join(names, ",") != "deployer,beta" {
		t.Errorf("page: %s", a.body)
	}
	a, names = list(admin, "startIndex=6&count=2")
	if m := a.json(t); m["startIndex"] != 6.0 || names != nil || m["itemsPerPage"] != 0.0 {
		t.Errorf("past the end: %s", a.body)
	}
	a, _ = list(admin, "attributes=displayName&startIndex=1&count=1")
	if m := a.json(t)["Resources"].([]any)[0].(map[string]any); m["applicationId"] == nil || m["id"] == nil ||
		m["active"] != nil || m["groups"] != nil {
		t.Errorf("attributes: %v", m)
	}
	a, _ = list(admin, "excludedAttributes=groups,active&count=1")
	if m := a.json(t)["Resources"].([]any)[0].(map[string]any); m["displayName"] == nil || m["active"] != nil ||
		m["groups"] != nil {
		t.Errorf("excludedAttributes: %v", m)
	}
	member := l.entraToken(l.member)
	a, names = list(member, "")
	if m := a.json(t)["Resources"].([]any)[0].(map[string]any); len(names) != 5 || m["active"] != nil ||
		m["groups"] != nil {
		t.Errorf("what a non-admin sees: %v", m)
	}
	const only = "/2.0/preview/scim/v2/ServicePrincipals is only accessible by admins."
	l.scimRefused(l.ask(member, "POST", spPath, `{"displayName":"x"}`), 403, "", only)
	l.scimRefused(l.ask(member, "DELETE", spPath+"/1", ""), 403, "", only)
	l.scimRefused(l.ask(member, "PATCH", spPath+"/1", ""), 403, "", only)
	l.scimRefused(l.ask(member, "GET", groupPath, ""), 403, "", "/2.0/preview/scim/v2/Groups is only accessible by "+
		"admins.")
	l.SetSwitches(WorkspaceSwitches{ServicePrincipalsAdminOnly: true})
	l.scimRefused(l.ask(member, "GET", spPath, ""), 403, "", only)
}

func TestGroups(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	api := iam.NewGroupsV2(l.sdk(admin))
	admins, err := api.ListAll(ctx, iam.ListGroupsRequest{Filter: `displayName eq "admins"`})
	if err != nil || len(admins) != 1 || len(admins[0].Members) != 1 ||
		admins[0].Members[0].Ref != "ServicePrincipals/"+admins[0].Members[0].Value {
		t.Fatalf("admins: %+v, %v", admins, err)
	}
	inner, err := api.Create(ctx, iam.CreateGroupRequest{DisplayName: "inner"})
	if err != nil {
		t.Fatal(err)
	}
	scorer := l.Snapshot().ServicePrincipals[slices.IndexFunc(l.Snapshot().ServicePrincipals,
		func(s ServicePrincipalState) bool {
			return s.ApplicationID == l.member.ClientID
		})].ID
	patch := func(id string, op iam.Patch) error {
		return api.Patch(ctx, iam.PatchGroupRequest{Id: id, Operations: []iam.Patch{op},
			Schemas: []iam.PatchSchema{iam.PatchSchemaUrnIetfParamsScimApiMessages20PatchOp}})
	}
	if err := patch(inner.Id, iam.Patch{Op: iam.PatchOpAdd, Path: "members",
		Value: []iam.ComplexValue{{Value: scorer}}}); err != nil {
		t.Fatal(err)
	}
	// The members of a group that is in admins are admins.
	if a := l.ask(l.entraToken(l.member), "GET", groupPath, ""); a.status != 403 {
		t.Fatalf("a member is admin already: %d", a.status)
	}
	if a := l.ask(admin, "PATCH", groupPath+"/"+admins[0].Id, spPatch(`{"op":"add","value":{"members":[{"value":"`+
		inner.Id+`"}]}}`)); a.status != 200 {
		t.Fatalf("nesting: %d %s", a.status, a.body)
	}
	if a := l.ask(l.entraToken(l.member), "GET", groupPath, ""); a.status != 200 {
		t.Errorf("a nested member is no admin: %d", a.status)
	}
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+inner.Id,
		spPatch(`{"op":"add","path":"members","value":[{"value":"`+admins[0].Id+
			`"}]}`)), 400, "invalidValue", "contain itself")
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+inner.Id,
		spPatch(`{"op":"add","path":"members","value":[{"value":"42"}]}`)), 404, "", "42")
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+inner.Id,
		spPatch(`{"op":"remove","path":"members","value":[{"value":"`+scorer+
			`"}]}`)), 400, "invalidValue", "must not have a value")
	if err := patch(inner.Id, iam.Patch{Op: iam.PatchOpRemove, Path: fmt.Sprintf("members[value eq %q]",
		scorer)}); err != nil {
		t.Fatal(err)
	}
	if got, err := api.Get(ctx, iam.GetGroupRequest{Id: inner.Id}); err != nil || len(got.Members) != 0 ||
		len(got.Groups) != 1 {
		t.Errorf("after removal: %+v, %v", got, err)
	}
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+inner.Id, spPatch(`{"op":"remove","path":"members[value eq \"`+
		scorer+`\"]"}`)), 400, "invalidPath", "members")
	l.scimRefused(l.ask(admin, "POST", groupPath, `{"displayName":"inner"}`), 409, "",
		"Group with name inner already exists.")
	l.scimRefused(l.ask(admin, "DELETE", groupPath+"/"+admins[0].Id, ""), 400, "mutability", "admins")
	if err := api.Delete(ctx, iam.DeleteGroupRequest{Id: inner.Id}); err != nil {
		t.Error(err)
	}
	l.scimRefused(l.ask(admin, "GET", groupPath+"/"+inner.Id, ""), 404, "", "Group with id "+inner.Id+" is not found")
	l.SetSwitches(WorkspaceSwitches{EmptyNotFound: true})
	if a := l.ask(admin, "GET", groupPath+"/1", ""); a.status != 404 || a.body != "" {
		t.Errorf("empty 404: %d %q", a.status, a.body)
	}
}

func TestMe(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	me, err := iam.NewCurrentUser(l.sdk(l.entraToken(l.admin))).Me(context.Background(),
		iam.MeRequest{ExcludedAttributes: "entitlements"})
	if err != nil || me.UserName != l.admin.ClientID || me.DisplayName != "deployer" || len(me.Groups) != 1 ||
		me.Groups[0].Display != "admins" {
		t.Fatalf("as a service principal: %+v, %v", me, err)
	}
	l.SetGrant("authorization/tokens", "ada@example.com", "CAN_USE")
	_, value := l.MintToken("ada@example.com", "", time.Hour)
	if me, err = iam.NewCurrentUser(l.sdk(value)).Me(context.Background(), iam.MeRequest{}); err != nil ||
		me.UserName != "ada@example.com" {
		t.Errorf("as a user: %+v, %v", me, err)
	}
	if a := l.ask(value, "GET", "/api/2.0/preview/scim/v2/Me", ""); a.json(t)["applicationId"] != nil ||
		a.header.Get("X-Databricks-Org-Id") != l.ID() {
		t.Errorf("raw: %s %v", a.body, a.header)
	}
}

func TestSCIMReadsLag(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{SCIMStaleFor: time.Minute, AccessPlaneDelay: 5 * time.Minute})
	admin := l.entraToken(l.admin)
	appID := uuid.NewString()
	made := l.ask(admin, "POST", spPath, `{"applicationId":"`+appID+`"}`)
	path := spPath + "/" + made.json(t)["id"].(string)
	l.scimRefused(l.ask(admin, "GET", path, ""), 404, "", "not found")
	l.scimRefused(l.ask(admin, "POST", spPath, `{"applicationId":"`+appID+`"}`), 409, "", "already exists")
	grant := func() rawAnswer {
		return l.ask(admin, "PATCH", "/api/2.0/permissions/serving-endpoints/"+l.endpoint,
			`{"access_control_list":[{"service_principal_name":"`+appID+`","permission_level":"CAN_QUERY"}]}`)
	}
	l.tenant.Clock.Advance(61 * time.Second)
	admin = l.entraToken(l.admin)
	if a := l.ask(admin, "GET", path, ""); a.status != 200 {
		t.Errorf("after a minute: %d", a.status)
	}
	l.refused(grant(), 404, "RESOURCE_DOES_NOT_EXIST", "Principal: ServicePrincipalName("+appID+") does not exist")
	l.ask(admin, "PATCH", path, spPatch(`{"op":"replace","path":"displayName","value":"new"}`))
	if a := l.ask(admin, "GET", path, ""); a.json(t)["displayName"] != appID {
		t.Errorf("a read right after a write shows %s", a.body)
	}
	l.tenant.Clock.Advance(5 * time.Minute)
	admin = l.entraToken(l.admin)
	if a := l.ask(admin, "GET", path, ""); a.json(t)["displayName"] != "new" {
		t.Errorf("later it shows %s", a.body)
	}
	if a := grant(); a.status != 200 {
		t.Errorf("the access plane still does not know it: %s", a.body)
	}
}
