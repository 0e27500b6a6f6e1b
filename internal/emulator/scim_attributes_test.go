package emulator

import (
	"net/url"
	"strings"
	"testing"
)

func TestSystemGroupsAreFixed(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	ids := map[string]string{}
	for _, g := range l.Snapshot().Groups {
		ids[g.Name] = g.ID
	}
	ada := l.Snapshot().Users[0].ID
	add := spPatch(`{"op":"add","path":"members","value":[{"value":"` + ada + `"}]}`)
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+ids["users"], add), 400, "mutability",
		"'users' cannot be changed")
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+ids["admins"],
		spPatch(`{"op":"replace","path":"displayName","value":"root"}`)), 400, "mutability", "cannot be renamed")
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+ids["admins"],
		spPatch(`{"op":"replace","path":"active","value":false}`)), 400, "invalidPath", "active")
	// The group users shows everybody as a member, but no principal shows users among its groups.
	if a := l.ask(admin, "GET", groupPath+"/"+ids["users"], ""); len(a.json(t)["members"].([]any)) != 3 {
		t.Errorf("members of users: %s", a.body)
	}
	if a := l.ask(admin, "GET", "/api/2.0/preview/scim/v2/Users/"+ada, ""); a.status != 200 ||
		a.json(t)["userName"] != "ada@example.com" || a.json(t)["groups"] != nil {
		t.Errorf("a user: %d %s", a.status, a.body)
	}
	if a := l.ask(admin, "PATCH", groupPath+"/"+ids["admins"], add); a.status != 200 {
		t.Fatalf("adding to admins: %d %s", a.status, a.body)
	}
	l.RemoveFromGroup("admins", "ada@example.com")
	if a := l.ask(admin, "GET", groupPath+"/"+ids["admins"], ""); len(a.json(t)["members"].([]any)) != 1 {
		t.Errorf("members of admins: %s", a.body)
	}
	for body, detail := range map[string]string{
		`{}`: "displayName must be given",
		`{"displayName":"g","entitlements":[{"value":"superuser"}]}`: "superuser",
	} {
		l.scimRefused(l.ask(admin, "POST", groupPath, body), 400, "invalidValue", detail)
	}
	l.scimRefused(l.ask(admin, "POST", groupPath, `{"displayName":"g","members":[{"value":"7"}]}`), 404, "", "7")
	l.scimRefused(l.ask(admin, "POST", groupPath, `{"displayName":"g","groups":[{"value":"7"}]}`), 404, "", "7")
	if a := l.ask(admin, "POST", groupPath, `{"displayName":"g","members":[{"value":"`+ada+`"}],"groups":[{"value":"`+
		ids["admins"]+`"}]}`); a.status != 201 || a.json(t)["members"] == nil || a.json(t)["groups"] == nil {
		t.Errorf("a whole group: %d %s", a.status, a.body)
	}
}

func TestServicePrincipalAttributes(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	id := l.AddServicePrincipal("", "before")
	path := spPath + "/" + id
	group := l.AddGroup("scorers")
	patched := func(operation string) map[string]any {
		t.Helper()
		a := l.ask(admin, "PATCH", path, spPatch(operation))
		if a.status != 200 {
			t.Fatalf("%s: %d %s", operation, a.status, a.body)
		}
		return a.json(t)
	}
	if m := patched(`{"op":"replace","path":"displayName","value":"after"},{"op":"add","path":"externalId","value":"e1"}`); m["displayName"] != "after" || m["externalId"] != "e1" {
		t.Errorf("%v", m)
	}
	if m := patched(`{"op":"remove","path":"externalId"},{"op":"add","path":"groups","value":{"value":"` + group +
		`"}}`); m["externalId"] != nil || m["groups"] == nil {
		t.Errorf("%v", m)
	}
	if m := patched(`{"op":"remove","path":"groups[value eq '` + group +
		`']"},{"op":"add","path":"roles","value":[{"value":"r"}]}`); m["groups"] != nil || m["roles"] == nil {
		t.Errorf("%v", m)
	}
	for operation, scimType := range map[string]string{
		`{"op":"remove","path":"externalId"}`:                             "invalidPath",
		`{"op":"remove","path":"displayName"}`:                            "mutability",
		`{"op":"remove","path":"active","value":true}`:                    "invalidValue",
		`{"op":"replace","path":"displayName","value":""}`:                "invalidValue",
		`{"op":"replace","path":"displayName","value":{"a":1}}`:           "invalidValue",
		`{"op":"replace","path":"displayName[value eq \"x\"]"}`:           "invalidPath",
		`{"op":"replace","path":"a.b.c","value":"x"}`:                     "invalidPath",
		`{"op":"add","path":"roles[value eq x]","value":[]}`:              "noTarget",
		`{"op":"add","path":"entitlements","value":["workspace-access"]}`: "invalidValue",
		`{"op":"add","path":"entitlements"}`:                              "invalidValue",
		`{"op":"replace","value":[1]}`:                                    "invalidValue",
		`{"op":"add","path":"members","value":[{"value":"1"}]}`:           "invalidPath",
	} {
		l.scimRefused(l.ask(admin, "PATCH", path, spPatch(operation)), 400, scimType, "")
	}
	appID := l.ask(admin, "GET", path, "").json(t)["applicationId"].(string)
	l.scimRefused(l.ask(admin, "PUT", path, `{"applicationId":"`+l.member.ClientID+`","displayName":"x"}`), 400,
		"mutability", "applicationId")
	l.scimRefused(l.ask(admin, "PUT", path, `{"applicationId":"`+appID+`","groups":[{"value":"7"}]}`), 404, "",
		"Group with id 7 is not found")
	if a := l.ask(admin, "PUT", path, `{"applicationId":"`+appID+
		`","displayName":"put","active":false,"groups":[{"value":"`+group+`"}]}`); a.status != 200 ||
		a.json(t)["active"] != false || a.json(t)["groups"] == nil || a.json(t)["roles"] != nil {
		t.Errorf("PUT: %d %s", a.status, a.body)
	}

	l.SetEntitlements(appID, "allow-cluster-create")
	l.SetDisplayName(appID, "behind")
	for text, want := range map[string]int{
		`active eq "false"`:                            1,
		`active ne "false"`:                            2,
		`entitlements.value eq "allow-cluster-create"`: 1,
		`groups pr and displayName eq "BEHIND"`:        1,
		`id eq "` + id + `"`:                           1,
		`externalId pr`:                                0,
	} {
		a := l.ask(admin, "GET", spPath+"?filter="+url.QueryEscape(text), "")
		if a.json(t)["totalResults"] != float64(want) {
			t.Errorf("%s: %s", text, a.body)
		}
	}
	for _, query := range []string{"startIndex=x", "count=x", "sortBy=color", "sortBy=id&sortOrder=up", "filter=" +
		url.QueryEscape(`displayName eq "open`), "filter=" + url.QueryEscape(`(id eq "1"`)} {
		if a := l.ask(admin, "GET", spPath+"?"+query, ""); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	if strings.Contains(l.ask(admin, "GET", spPath+"?count=0", "").body, "Resources") {
		t.Error("count=0 shows some")
	}
}
