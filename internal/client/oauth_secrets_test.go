package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const oauthSecrets = "credentials/secrets"

func TestOAuthSecrets(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	id := w.Workspace.AddServicePrincipal("", "scorer")
	application := w.application(t, id)
	c := w.as(t, w.PersonToken)
	list, err := c.OAuthSecrets(t.Context(), id)
	if err != nil || len(list.Secrets) != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	made, value, err := c.CreateOAuthSecret(t.Context(), id, time.Hour, []string{"model-serving"})
	if err != nil || value == "" || made.ExpiresAt.Sub(made.CreatedAt) != time.Hour || len(made.Scopes) != 1 ||
		!made.Active() {
		t.Fatalf("%+v, %v", made, err)
	}
	w.Workspace.AddOAuthSecret(application, 0)
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{OAuthSecretPageSize: 1})
	list, err = c.OAuthSecretsNow(t.Context(), id)
	found, there := list.ByID(made.ID)
	if err != nil || len(list.Secrets) != 2 || !there || !list.Live(found) {
		t.Errorf("%+v, %v", list, err)
	}
	w.Workspace.SetSwitches(emulator.WorkspaceSwitches{OAuthSecretsExpiredShown: true})
	w.Tenant.Clock.Advance(2 * time.Hour)
	list, err = c.OAuthSecretsNow(t.Context(), id)
	if found, _ := list.ByID(made.ID); err != nil || len(list.Secrets) != 2 || list.Live(found) {
		t.Errorf("an expired secret counts: %+v, %v", list, err)
	}
	before := w.Tenant.Journal.Count("workspace", "GET", oauthSecrets)
	for range 3 {
		if _, err := c.OAuthSecrets(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Tenant.Journal.Count("workspace", "GET", oauthSecrets) - before; n != 0 {
		t.Errorf("%d lists for one that is known", n)
	}
	if err := errors.Join(c.DeleteOAuthSecret(t.Context(), id, made.ID), c.DeleteOAuthSecret(t.Context(), id,
		made.ID)); err != nil {
		t.Error(err)
	}
	if n := len(w.Workspace.Snapshot().OAuthSecrets); n != 1 {
		t.Errorf("%d left", n)
	}
	if _, err := c.OAuthSecretsNow(t.Context(), "7"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestOAuthSecretsWantAnswers checks that a response which does not answer the request is an error. Otherwise a list
// would count as empty, or a secret as created or deleted.
func TestOAuthSecretsWantAnswers(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"page":       {HTML: true, Message: "Sign in"},
		"other list": {Body: `{"clusters":[]}`, ContentType: "application/json"},
		"no id":      {Body: `{"secrets":[{"status":"ACTIVE","create_time":"2026-01-01T00:00:00Z"}]}`, ContentType: "application/json"},
		"no time":    {Body: `{"id":"a","secret":"dose","create_time":"yesterday"}`, ContentType: "application/json"},
	} {
		w := newWorkspace(t)
		id := w.Workspace.AddServicePrincipal("", "scorer")
		c := w.as(t, w.PersonToken)
		fault.Service, fault.Status, fault.Path, fault.Times = "workspace", 200, "/api/2.0/accounts/**", -1
		w.Tenant.Faults.Add(fault)
		if _, err := c.OAuthSecrets(t.Context(), id); !errors.Is(err, client.ErrNotAnAnswer) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := c.CreateOAuthSecret(t.Context(), id, time.Hour, nil); !errors.Is(err, client.ErrNotAnAnswer) ||
			!errors.Is(err, client.ErrAnswerLost) {
			t.Errorf("%s: %v", name, err)
		}
		var unconfirmed *client.UnconfirmedError
		if err := c.DeleteOAuthSecret(t.Context(), id, "a"); !errors.Is(err, client.ErrNotAnAnswer) &&
			!errors.As(err, &unconfirmed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEmptyAnswersDoNotProveDeletionOfOAuthSecret checks a deletion for which a proxy may have answered {}. The service
// writes {} after a deletion, and for an empty list. Only a second deletion, which the service must refuse, shows that
// the secret is gone.
func TestEmptyAnswersDoNotProveDeletionOfOAuthSecret(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"once": 1, "always": -1} {
		w := newWorkspace(t)
		id := w.Workspace.AddServicePrincipal("", "scorer")
		secret, _ := w.Workspace.AddOAuthSecret(w.application(t, id), 0)
		for _, method := range []string{"GET", "DELETE"} {
			w.Tenant.Faults.Add(emulator.Fault{
				Service: "workspace", Method: method, Path: "/api/2.0/accounts/**", Times: times,
				Status: 200, Body: "{}", ContentType: "application/json",
			})
		}
		err := w.as(t, w.PersonToken).DeleteOAuthSecret(t.Context(), id, secret)
		var unconfirmed *client.UnconfirmedError
		if left := len(w.Workspace.Snapshot().OAuthSecrets); (err == nil) != (left == 0) || err != nil &&
			!errors.As(err, &unconfirmed) {
			t.Errorf("%s: %v, and %d are left", name, err, left)
		}
	}
}

// TestLostOAuthSecretIsNotRepeated checks that a creation whose answer was lost is not sent again, because it may have
// created a secret that nobody knows.
func TestLostOAuthSecretIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	id := w.Workspace.AddServicePrincipal("", "scorer")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: "/api/2.0/accounts/**", Status: 503,
		WorkDone: true})
	_, _, err := w.as(t, w.PersonToken).CreateOAuthSecret(t.Context(), id, time.Hour, nil)
	if !errors.Is(err, client.ErrAnswerLost) || len(w.Workspace.Snapshot().OAuthSecrets) != 1 {
		t.Errorf("%v, %d secrets", err, len(w.Workspace.Snapshot().OAuthSecrets))
	}
}

func TestOAuthSecretsNeedAnAdmin(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	id := w.Workspace.AddServicePrincipal("", "scorer")
	w.Workspace.RemoveFromGroup("admins", w.PersonName)
	w.Workspace.SetGrant("authorization/tokens", w.PersonName, "CAN_USE")
	_, err := w.as(t, w.PersonToken).OAuthSecrets(t.Context(), id)
	if !errors.Is(err, client.ErrPermissionDenied) {
		t.Errorf("%v", err)
	}
}

// application returns the application id of the service principal with that SCIM id.
func (w *workspace) application(t *testing.T, scimID string) string {
	t.Helper()
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ID == scimID {
			return p.ApplicationID
		}
	}
	t.Fatal("no such principal")
	return ""
}
