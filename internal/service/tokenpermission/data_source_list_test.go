package tokenpermission_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const listType = "dbxaccess_token_permissions"

func readList(t *testing.T, w *acctest.World) (state map[string]any, errors string) {
	t.Helper()
	state, warnings, errors := w.Protocol(t).Read(t, listType, map[string]any{})
	if warnings != "" {
		t.Errorf("it warns: %s", warnings)
	}
	return state, errors
}

func entry(kind, name, displayName, level string, inherited bool) map[string]any {
	row := map[string]any{
		"principal": kind + "=" + name, "service_principal_name": nil, "user_name": nil, "group_name": nil,
		"display_name": nil, "permission_level": level, "inherited": inherited,
	}
	row[kind] = name
	if displayName != "" {
		row["display_name"] = displayName
	}
	return row
}

func TestListOfAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.SetGrant(object, user, "CAN_USE")
	w.Workspace.SetGrant(object, "users", "CAN_USE")
	w.Tenant.Journal.Reset()
	got, errors := readList(t, w)
	if errors != "" {
		t.Fatal(errors)
	}
	acctest.Same(t, listType, got, map[string]any{
		"exists": true, "workspace_id": w.Workspace.ID(),
		"permissions": []any{
			entry("service_principal_name", neighbor, "neighbor", "CAN_USE", false),
			entry("user_name", user, "Bob", "CAN_USE", false),
			entry("group_name", "admins", "", "CAN_MANAGE", false),
			entry("group_name", "users", "", "CAN_USE", false),
		},
		"service_principals": map[string]any{neighbor: "CAN_USE"},
		"users":              map[string]any{user: "CAN_USE"},
		"groups":             map[string]any{"admins": "CAN_MANAGE", "users": "CAN_USE"},
	})
	if lists, all := w.Count("workspace", "GET", "/permissions/"), w.Count("workspace", "", ""); lists != 1 ||
		all != 1 {
		t.Errorf("%d requests for the list, %d in all", lists, all)
	}
	again, _ := readList(t, w) // the service returns its entries in random order
	acctest.Same(t, "read again", again, got)
}

// An inherited level shows as inherited, and not as a direct level. No workspace is known that has any.
func TestListWithInheritedLevels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := fmt.Sprintf(`{"object_id":"/%s","object_type":"tokens","access_control_list":[
{"group_name":"auditors","all_permissions":[{"permission_level":"CAN_USE","inherited":true,"inherited_from_object":["/authorization/"]}]}]}`, object)
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Path: "/api/2.0/permissions/" + object,
		Status: 200, ContentType: "application/json", Body: body})
	got, errors := readList(t, w)
	if errors != "" {
		t.Fatal(errors)
	}
	acctest.Same(t, listType, got, map[string]any{
		"exists": true, "workspace_id": w.Workspace.ID(), "permissions": []any{entry("group_name", "auditors", "", "CAN_USE", true)},
		"service_principals": map[string]any{}, "users": map[string]any{}, "groups": map[string]any{},
	})
}

// A workspace that never had a token has no such list. That is no error, and does not mean that nobody may use tokens.
func TestListBeforeTheFirstToken(t *testing.T) {
	t.Parallel()
	w, other := noTokenYet(t)
	got, errors := readList(t, w)
	if errors != "" {
		t.Fatal(errors)
	}
	acctest.Same(t, listType, got, map[string]any{
		"exists": false, "workspace_id": other.ID(), "permissions": []any{},
		"service_principals": map[string]any{}, "users": map[string]any{}, "groups": map[string]any{},
	})
	other.MintToken(w.ScoringApp.ClientID, "the first", time.Hour)
	if got, _ = readList(t, w); got["exists"] != true {
		t.Errorf("after the first token: %v", got)
	}
}

func TestListDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
	_, errors := readList(t, w)
	for _, words := range []string{"Cannot read who may use tokens", "403 PERMISSION_DENIED", "Only a workspace admin",
		`to the group "admins"`} {
		if !strings.Contains(errors, words) {
			t.Errorf("it does not say %q: %s", words, errors)
		}
	}
}
