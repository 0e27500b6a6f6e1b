package emulator

import (
	"strings"
	"testing"
	"time"
)

func TestSCIMWriteLimit(t *testing.T) {
	for name, switches := range map[string]WorkspaceSwitches{
		"429": {SCIMWrites: 2, SCIMWritesWithin: time.Minute},
		"500": {SCIMWrites: 2, SCIMWritesWithin: time.Minute, SCIMLimitAs500: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, switches)
			admin := l.entraToken(l.admin)
			post := func() rawAnswer { return l.ask(admin, "POST", spPath, `{"displayName":"a"}`) }
			for range 2 {
				if a := post(); a.status != 201 {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			a := post()
			if name == "429" && a.status != 429 || name == "500" &&
				(a.status != 500 || !strings.Contains(a.body, "REQUEST_LIMIT_EXCEEDED")) {
				t.Errorf("the third: %d %s", a.status, a.body)
			}
			if a := l.ask(admin, "GET", spPath, ""); a.status != 200 {
				t.Errorf("a read: %d %s", a.status, a.body)
			}
			l.tenant.Clock.Advance(time.Minute)
			if a := post(); a.status != 201 {
				t.Errorf("a minute later: %d %s", a.status, a.body)
			}
		})
	}
}

func TestAccountGroupCannotBeChanged(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin := l.entraToken(l.admin)
	id := l.AddAccountGroup("everywhere")
	add := spPatch(`{"op":"add","path":"members","value":[{"value":"` + l.Snapshot().Users[0].ID + `"}]}`)
	l.scimRefused(l.ask(admin, "PATCH", groupPath+"/"+id, add), 403, "", "Group everywhere is managed by the account")
}

func TestPatchWithoutAnAnswer(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{PatchAnswersEmpty: true})
	id := l.AddServicePrincipal("", "a")
	a := l.ask(l.entraToken(l.admin), "PATCH", spPath+"/"+id,
		spPatch(`{"op":"replace","path":"displayName","value":"b"}`))
	if a.status != 204 || len(a.body) != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, sp := range l.Snapshot().ServicePrincipals {
		if sp.ID == id && sp.DisplayName != "b" {
			t.Errorf("%+v", sp)
		}
	}
}

func TestIdentityFederation(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{IdentityFederation: true})
	admin := l.entraToken(l.admin)
	const app = "11111111-2222-3333-4444-555555555555"
	id := l.AddToAccount(app, "of the account")
	if a := l.ask(admin, "GET", spPath+"/"+id, ""); a.status != 404 {
		t.Errorf("it is in the workspace: %d %s", a.status, a.body)
	}
	post := `{"applicationId":"` + strings.ToUpper(app) + `","displayName":"ours"}`
	for range 2 { // first from the account, then again after its removal from the workspace
		a := l.ask(admin, "POST", spPath, post)
		if a.status != 201 || a.json(t)["id"] != id || a.json(t)["displayName"] != "of the account" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a := l.ask(admin, "DELETE", spPath+"/"+id, ""); a.status != 204 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
}
