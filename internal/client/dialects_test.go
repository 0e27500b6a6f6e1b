package client_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// TestRefusedLogins checks that each form in which a login is refused leads to the same kind of error.
func TestRefusedLogins(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	stranger, dormant := w.ScoringApp.ClientID, w.Tenant.RegisterApp("dormant").ClientID
	w.Workspace.AddServicePrincipal(dormant, "dormant")
	w.Workspace.SetActive(dormant, false)
	good := w.entraToken(t, stranger, emulator.DatabricksResource, time.Hour)
	expired := w.entraToken(t, w.Deployer.ClientID, emulator.DatabricksResource, -time.Hour)
	for name, tc := range map[string]struct {
		token    string
		switches emulator.WorkspaceSwitches
	}{
		"no credential":                {},
		"not a token":                  {token: "a token's id"},
		"unknown token":                {token: "dapi00000000000000000000000000000000"},
		"unknown token, plain text":    {token: "dapi0", switches: emulator.WorkspaceSwitches{PlainAuthTexts: true}},
		"signed by somebody else":      {token: "eyJ.e30.c2ln"},
		"of another resource":          {token: w.entraToken(t, w.Deployer.ClientID, "https://management.core.windows.net/", time.Hour)},
		"expired":                      {token: expired},
		"expired, 403":                 {token: expired, switches: emulator.WorkspaceSwitches{ExpiredToken: emulator.ExpiredTokenForbidden}},
		"expired, within 30 seconds":   {token: expired, switches: emulator.WorkspaceSwitches{ExpiredToken: emulator.ExpiredTokenThirtySecs}},
		"expired, page":                {token: expired, switches: emulator.WorkspaceSwitches{ExpiredToken: emulator.ExpiredTokenBadRequest}},
		"not in the workspace":         {token: good},
		"not in the workspace, page":   {token: good, switches: emulator.WorkspaceSwitches{NotAMember: emulator.NotAMemberPage}},
		"not in the workspace, 401":    {token: good, switches: emulator.WorkspaceSwitches{NotAMember: emulator.NotAMemberUnauthorized}},
		"deactivated in the workspace": {token: w.entraToken(t, dormant, emulator.DatabricksResource, time.Hour)},
	} {
		w.Workspace.SetSwitches(tc.switches)
		w.Tenant.Journal.Reset()
		c := w.as(t, "placeholder", func(cfg *client.Config) {
			if tc.token == "" {
				cfg.Transport = anonymous{w.transport}
			} else if login, err := cfg.Open(tokenLogin(tc.token)); err != nil {
				t.Fatal(err)
			} else {
				cfg.Login = login
			}
		})
		for path, call := range map[string]func() error{
			"standard": func() error { _, err := c.OwnTokens(t.Context()); return err },
			"SCIM":     func() error { _, err := c.Me(t.Context()); return err },
		} {
			if err := call(); !errors.Is(err, client.ErrUnauthenticated) || errors.Is(err, client.ErrPermissionDenied) {
				t.Errorf("%s, %s path: %v", name, path, err)
			}
		}
		if n := len(w.Tenant.Journal.Entries()); n != 2 {
			t.Errorf("%s: %d requests: a refused login is no reason to try again", name, n)
		}
	}
}

// anonymous is a transport that removes the credential.
type anonymous struct{ next http.RoundTripper }

func (a anonymous) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("Authorization")
	return a.next.RoundTrip(r)
}

func (w *workspace) entraToken(t *testing.T, clientID, audience string, lifetime time.Duration) string {
	t.Helper()
	value, err := w.Tenant.IssueAccessToken(clientID, audience, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestRefusals checks the kinds of error for what the emulated workspace refuses by itself.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	ctx := t.Context()
	for name, tc := range map[string]struct {
		switches emulator.WorkspaceSwitches
		call     func() error
		kind     error
	}{
		"no endpoint": {call: func() error { _, err := c.EndpointByName(ctx, "nothing"); return err }, kind: client.ErrNotFound},
		"no service principal": {call: func() error {
			_, err := c.ServicePrincipalByID(ctx, "1")
			return err
		}, kind: client.ErrNotFound},
		"no service principal, no body": {emulator.WorkspaceSwitches{EmptyNotFound: true}, func() error {
			_, err := c.ServicePrincipalByID(ctx, "1")
			return err
		}, client.ErrNotFound},
		"no route": {call: func() error {
			return c.Call(ctx, http.MethodGet, "/api/2.0/nothing", nil, nil, nil)
		}, kind: client.ErrOther},
		"not on Azure": {call: func() error {
			return c.Call(ctx, http.MethodPost, managed[:len(managed)-len("tokens")]+"on-behalf-of/tokens", nil,
				map[string]string{"application_id": w.Deployer.ClientID}, nil)
		}, kind: client.ErrFeatureDisabled},
		"lifetime": {call: func() error {
			_, _, err := c.CreateToken(ctx, "", 200*365*24*time.Hour, nil)
			return err
		}, kind: client.ErrInvalid},
		"tokens off": {emulator.WorkspaceSwitches{PersonalAccessTokensOff: true}, func() error {
			deployer := w.as(t, w.entraToken(t, w.Deployer.ClientID, emulator.DatabricksResource, time.Hour))
			_, err := deployer.OwnTokens(ctx)
			return err
		}, client.ErrPermissionDenied},
		"exists already": {call: func() error {
			return c.Call(ctx, http.MethodPost, "/api/2.0/preview/scim/v2/ServicePrincipals", nil,
				map[string]string{"applicationId": w.Deployer.ClientID}, nil)
		}, kind: client.ErrConflict},
	} {
		w.Workspace.SetSwitches(tc.switches)
		if err := tc.call(); !errors.Is(err, tc.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEndpointWithoutID(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Workspace.CreateFoundationEndpoint("llama")
	c := w.as(t, w.PersonToken)
	var advice *client.Advice
	if _, err := c.EndpointID(t.Context(), "llama", client.AnyAge); !errors.Is(err, client.ErrNoEndpointID) ||
		!errors.As(err, &advice) || advice.Attribute != "endpoint_name" {
		t.Errorf("%v", err)
	}
	if id, err := c.EndpointID(t.Context(), w.EndpointName, client.AnyAge); err != nil || id != w.EndpointID {
		t.Errorf("%q, %v", id, err)
	}
	if n := len(w.Tenant.Journal.Entries()); n != 2 {
		t.Errorf("%d requests", n)
	}
}
