package emulator

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNetworkAnswers(t *testing.T) {
	for answer, want := range map[NetworkAnswer]struct {
		status int
		body   string
	}{
		NetworkIPAccessList: {403, `"error_code":403,"message":"Source IP address: 192.0.2.1 is blocked by Databricks IP ACL for workspace: `},
		NetworkPolicy:       {403, `"error_code":403,"message":"Unauthorized network access to workspace: `},
		NetworkPolicyAsText: {403, "Unauthorized network access to workspace: "},
		NetworkPrivateLink:  {303, ""},
	} {
		l := newLab(t, WorkspaceSwitches{Network: answer})
		a := l.ask(l.entraToken(l.admin), "GET", "/api/2.0/serving-endpoints", "")
		if a.status != want.status || !strings.Contains(a.body, want.body) {
			t.Errorf("%s: %d %s", answer, a.status, a.body)
		}
		if answer != NetworkPrivateLink {
			continue
		}
		for _, path := range []string{"/api/2.0/serving-endpoints", "/.well-known/databricks-config"} {
			a := l.ask("", "GET", path, "")
			if got := a.header.Get("Location"); a.status != 303 ||
				got != "/login.html?error=private-link-validation-error:"+l.ID() {
				t.Errorf("%s: %d %s", path, a.status, got)
			}
		}
	}
	l := newLab(t, WorkspaceSwitches{Network: NetworkPolicyAsText})
	if a := l.ask("dapi", "GET", "/api/2.0/serving-endpoints", ""); !strings.HasPrefix(a.header.Get("Content-Type"),
		"text/plain") || strings.Contains(a.body, "{") {
		t.Errorf("%v %s", a.header, a.body)
	}
}

// TestWorkspaceIDSwitches checks which answers contain the workspace's id.
func TestWorkspaceIDSwitches(t *testing.T) {
	for on, want := range map[OrgIDHeader][2]bool{OrgIDOnEveryAnswer: {true, true}, OrgIDOnMe: {true, false},
		OrgIDNowhere: {false, false}} {
		l := newLab(t, WorkspaceSwitches{OrgIDHeader: on})
		token := l.entraToken(l.admin)
		for i, path := range []string{scimRoot + "Me", "/api/2.0/serving-endpoints"} {
			if got := l.ask(token, "GET", path, "").header.Get("X-Databricks-Org-Id"); (got == l.ID()) != want[i] ||
				got != "" && got != l.ID() {
				t.Errorf("%q: %s: %q", on, path, got)
			}
		}
	}
	const path = "/.well-known/databricks-config"
	for answer, want := range map[HostMetadata]int{HostMetadataFull: 200, HostMetadataWithoutWorkspaceID: 200,
		HostMetadataMissing: 404} {
		l := newLab(t, WorkspaceSwitches{HostMetadata: answer})
		a := l.ask("", "GET", path, "")
		if a.status != want || (a.json(t)["workspace_id"] == l.ID()) != (answer == HostMetadataFull) {
			t.Errorf("%q: %d %s", answer, a.status, a.body)
		}
	}
}

func TestRenameSwitches(t *testing.T) {
	patch := func(l *lab, id string) rawAnswer {
		return l.ask(l.entraToken(l.admin), "PATCH", spPath+"/"+id,
			spPatch(`{"op":"replace","path":"displayName","value":"b"}`))
	}
	put := func(l *lab, id string) rawAnswer {
		return l.ask(l.entraToken(l.admin), "PUT", spPath+"/"+id, `{"applicationId":"`+l.applicationOf(id)+
			`","displayName":"b","active":false}`)
	}
	for name, tc := range map[string]struct {
		switches WorkspaceSwitches
		write    func(*lab, string) rawAnswer
		status   int
		name     string
	}{
		"patch":         {WorkspaceSwitches{RenameByPut: RenameRefused}, patch, 200, "b"},
		"patch refused": {WorkspaceSwitches{RenameByPatch: RenameRefused}, patch, 400, "a"},
		"patch ignored": {WorkspaceSwitches{RenameByPatch: RenameIgnored}, patch, 200, "a"},
		"put":           {WorkspaceSwitches{RenameByPatch: RenameRefused}, put, 200, "b"},
		"put refused":   {WorkspaceSwitches{RenameByPut: RenameRefused}, put, 400, "a"},
		"put ignored":   {WorkspaceSwitches{RenameByPut: RenameIgnored}, put, 200, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, tc.switches)
			id := l.AddServicePrincipal("", "a")
			a := tc.write(l, id)
			shown := l.ask(l.entraToken(l.admin), "GET", spPath+"/"+id, "").json(t)
			if a.status != tc.status || shown["displayName"] != tc.name {
				t.Errorf("%d %s, then %v", a.status, a.body, shown)
			}
			if a.status == 400 {
				l.scimRefused(a, 400, "mutability", "Attribute 'displayName' cannot be changed.")
			} else if a.json(t)["displayName"] != tc.name {
				t.Errorf("the write says %s", a.body)
			}
			// PUT changes the other attributes even if it ignores the new name.
			if strings.HasPrefix(name, "put") && a.status == 200 && shown["active"] != false {
				t.Errorf("%v", shown)
			}
		})
	}
}

func TestSCIMWritesAnswerNothing(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{SCIMWritesAnswerNothing: true})
	admin := l.entraToken(l.admin)
	id := l.AddServicePrincipal("", "a")
	group := l.AddGroup("g")
	for _, a := range []rawAnswer{
		l.ask(admin, "PATCH", spPath+"/"+id, spPatch(`{"op":"replace","path":"active","value":false}`)),
		l.ask(admin, "PATCH", groupPath+"/"+group, spPatch(`{"op":"add","path":"members","value":[{"value":"`+id+
			`"}]}`)),
		l.ask(admin, "PUT", spPath+"/"+id, `{"applicationId":"`+l.applicationOf(id)+`","displayName":"b"}`),
	} {
		if a.status != 200 || a.body != "{}" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if shown := l.ask(admin, "GET", spPath+"/"+id, "").json(t); shown["displayName"] != "b" {
		t.Errorf("%v", shown)
	}
}

func TestTokenUpdateSwitches(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	id, _ := l.MintToken(l.admin.ClientID, "a", time.Hour)
	update := func(id string) rawAnswer {
		return l.ask(admin, "PATCH", "/api/2.0/token/"+id, `{"token":{"comment":"b"},"update_mask":"comment"}`)
	}
	l.refused(update("0000"), 404, "NOT_FOUND", "Token with ID 0000 does not exist")
	l.SetSwitches(WorkspaceSwitches{UnknownToken: Refusal{Code: "RESOURCE_DOES_NOT_EXIST"}})
	l.refused(update("0000"), 404, "RESOURCE_DOES_NOT_EXIST", "Token with ID 0000 does not exist")
	l.SetSwitches(WorkspaceSwitches{NoTokenUpdates: true})
	l.refused(update(id), 404, "ENDPOINT_NOT_FOUND", "No API found for 'PATCH /token/"+id+"'")
	if comment := l.Snapshot().Tokens[0].Comment; comment != "a" {
		t.Errorf("comment %q", comment)
	}
	// An admin can still update the token through the token management API.
	if a := l.ask(admin, "PATCH", "/api/2.0/token-management/tokens/"+id,
		`{"token":{"comment":"b"},"update_mask":"comment"}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestLastUsedDelay checks that only the list of all tokens shows the day of a use, and only after the delay.
func TestLastUsedDelay(t *testing.T) {
	lastUsed := func(l *lab, id string) any {
		info, _ := l.ask(l.entraToken(l.admin), "GET", "/api/2.0/token-management/tokens/"+id,
			"").json(t)["token_info"].(map[string]any)
		if own := l.ask(l.entraToken(l.admin), "GET", "/api/2.0/token/list", "").body; strings.Contains(own,
			"last_used") || !strings.Contains(own, id) {
			t.Errorf("the owner's list: %s", own)
		}
		return info["last_used_day"]
	}
	millis := func(at time.Time) float64 { return float64(at.Truncate(24 * time.Hour).UnixMilli()) }

	l := newLab(t, WorkspaceSwitches{})
	id, value := l.MintToken(l.admin.ClientID, "a", 0)
	first := l.tenant.Clock.Now()
	l.ask(value, "GET", "/api/2.0/clusters/list", "")
	if got := lastUsed(l, id); got != nil {
		t.Errorf("at once %v", got)
	}
	l.tenant.Clock.Advance(24 * time.Hour)
	l.ask(value, "GET", "/api/2.0/clusters/list", "")
	if got := lastUsed(l, id); got != millis(first) {
		t.Errorf("a day later %v, want %v", got, millis(first))
	}
	l.tenant.Clock.Advance(24 * time.Hour)
	if got := lastUsed(l, id); got != millis(first.Add(24*time.Hour)) {
		t.Errorf("two days later %v", got)
	}
	l.SetSwitches(WorkspaceSwitches{LastUsedDelay: -1})
	l.UseToken(id)
	if got := lastUsed(l, id); got != millis(l.tenant.Clock.Now()) {
		t.Errorf("without a delay %v", got)
	}
}

// TestTokensStayWithARightByAGroup checks that a principal that loses its direct CAN_USE, but has CAN_USE through a
// group, keeps its tokens unless the switch deletes them.
func TestTokensStayWithARightByAGroup(t *testing.T) {
	for _, strict := range []bool{false, true} {
		l := newLab(t, WorkspaceSwitches{DirectUseTakesTokens: strict})
		admin := l.entraToken(l.admin)
		l.AddGroup("tokenists")
		l.AddToGroup("tokenists", l.member.ClientID)
		for _, holder := range []string{l.member.ClientID, "tokenists", "ada@example.com"} {
			l.SetGrant(tokensObject, holder, levelUse)
		}
		kept, value := l.MintToken(l.member.ClientID, "", time.Hour)
		lost, _ := l.MintToken("ada@example.com", "", time.Hour)
		if a := l.ask(admin, "PUT", tokensPath, acl(entry("group_name", "admins", levelManage),
			entry("group_name", "tokenists", levelUse))); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		ids := []string{}
		for _, token := range l.Snapshot().Tokens {
			ids = append(ids, token.ID)
		}
		if slices.Contains(ids, lost) || slices.Contains(ids, kept) == strict {
			t.Errorf("strict %t: left %q", strict, ids)
		}
		if works := l.ask(value, "GET", "/api/2.0/clusters/list", "").status == 200; works == strict {
			t.Errorf("strict %t: works %t", strict, works)
		}
	}
}

// TestOneManagedToken checks that admins, and only admins, can read any single token.
func TestOneManagedToken(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	id, _ := l.MintToken(l.member.ClientID, "c", time.Hour)
	const path = "/api/2.0/token-management/tokens/"
	if a := l.ask(l.entraToken(l.admin), "GET", path+id, ""); a.status != 200 ||
		!strings.Contains(a.body, `"token_id":"`+id+`"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.refused(l.ask(l.entraToken(l.admin), "GET", path+"0000", ""), 404, "RESOURCE_DOES_NOT_EXIST",
		"Token with ID 0000 does not exist")
	l.refused(l.ask(l.entraToken(l.member), "GET", path+id, ""), 403, "PERMISSION_DENIED", path+id+
		" is only accessible by admins.")
}

func TestEndpointListAndConfig(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	l.CreateFoundationEndpoint("llama")
	l.SetGrant("iris", l.member.ClientID, levelQuery)
	endpoints, _ := l.ask(l.entraToken(l.member), "GET", "/api/2.0/serving-endpoints", "").json(t)["endpoints"].([]any)
	if len(endpoints) != 2 {
		t.Fatalf("%v", endpoints)
	}
	for _, e := range endpoints {
		e := e.(map[string]any)
		if e["permission_level"] != levelQuery || e["capabilities"] == nil || e["endpoint_type"] == nil {
			t.Errorf("%v", e)
		}
	}

	const path = "/api/2.0/serving-endpoints/iris/config"
	body := `{"served_entities":[{"entity_name":"main.default.iris","entity_version":"2","workload_size":"Small","scale_to_zero_enabled":true}]}`
	l.refused(l.ask(l.entraToken(l.member), "PUT", path, body), 403, "PERMISSION_DENIED", "User does not have "+
		"permission 'Manage' on Endpoint iris")
	l.refused(l.ask(l.entraToken(l.admin), "PUT", path, `{}`), 400, "INVALID_PARAMETER_VALUE", "The endpoint must "+
		"have at least one served entity.")
	a := l.ask(l.entraToken(l.admin), "PUT", path, body)
	config, _ := a.json(t)["config"].(map[string]any)
	if a.status != 200 || config["config_version"] != 2.0 || !strings.Contains(a.body, `"name":"iris-2"`) ||
		a.json(t)["id"] != l.endpoint {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := l.Grants("iris")[l.member.ClientID]; got != levelQuery {
		t.Errorf("the grant is %q", got)
	}
}

// applicationOf returns the application id of the service principal with this SCIM id.
func (l *lab) applicationOf(scimID string) string {
	for _, p := range l.Snapshot().ServicePrincipals {
		if p.ID == scimID {
			return p.ApplicationID
		}
	}
	l.t.Fatalf("no service principal %s", scimID)
	return ""
}

func TestWorkspaceConf(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{PersonalAccessTokensOff: true, MaxTokenLifetimeDays: 90})
	const path = "/api/2.0/workspace-conf?keys="
	a := l.ask(l.entraToken(l.admin), "GET", path+"enableTokensConfig,maxTokenLifetimeDays", "")
	if m := a.json(t); a.status != 200 || m["enableTokensConfig"] != "false" || m["maxTokenLifetimeDays"] != "90" {
		t.Errorf("%d %s", a.status, a.body)
	}
	l.refused(l.ask(l.entraToken(l.admin), "GET", path+"other", ""), 400, "BAD_REQUEST", `Invalid keys: ["other"]`)
	l.refused(l.ask(l.entraToken(l.admin), "GET", path, ""), 400, "INVALID_PARAMETER_VALUE", "keys must be given")
	l.refused(l.ask(l.entraToken(l.member), "GET", path+"enableTokensConfig", ""), 403, "PERMISSION_DENIED",
		"/api/2.0/workspace-conf is only accessible by admins.")
}
