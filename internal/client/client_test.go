package client_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/logger"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// workspace is an emulated workspace, for which the tests make clients.
type workspace struct {
	*emulator.Scenario
	server    *emulator.Server
	transport http.RoundTripper
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	scenario := emulator.NewScenarioIn(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
	server, err := emulator.Serve(scenario.Tenant, scenario.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Close()
		for _, fault := range scenario.Tenant.Faults.Unmet() {
			t.Errorf("nothing met the fault %+v", fault)
		}
	})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, scenario.Tenant.CACertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	transport, err := client.NewTransport(auth.Setting{Value: ca})
	if err != nil {
		t.Fatal(err)
	}
	return &workspace{scenario, server, transport}
}

// as returns a client that calls with a bearer token: a personal access token, or an access token of Entra ID.
func (w *workspace) as(t *testing.T, token string, change ...func(*client.Config)) *client.Client {
	t.Helper()
	open := func(s auth.Settings) (*auth.Login, error) {
		if !s.TenantID.IsSet() {
			s.TenantID = auth.Setting{Value: w.Tenant.ID, Attribute: "tenant_id"}
		}
		s.AuthorityHost = auth.Setting{Value: w.server.EntraURL, Attribute: "authority_host"}
		return auth.Open(s, auth.Options{Transport: w.transport, RetryTimeout: time.Second})
	}
	login, err := open(tokenLogin(token))
	if err != nil {
		t.Fatal(err)
	}
	cfg := client.Config{
		Host: w.server.WorkspaceURLs[0], Login: login, Open: open, Transport: w.transport,
		AttemptTimeout: 10 * time.Second, RetryTimeout: time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tokenLogin(value string) auth.Settings {
	return auth.Settings{Token: auth.Setting{Value: value, Attribute: "token"}}
}

func TestMe(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	if c.WorkspaceID() != "" {
		t.Errorf("a workspace id before anything was asked: %s", c.WorkspaceID())
	}
	me, err := c.Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if me.UserName != w.PersonName || me.DisplayName != "Ada" || !me.Active || me.ID == "" || len(me.Groups) == 0 {
		t.Errorf("%+v", me)
	}
	if c.WorkspaceID() != w.Workspace.ID() {
		t.Errorf("workspace id %q", c.WorkspaceID())
	}
}

func TestCheckWorkspaceAsksAtMostOnce(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	if err := c.CheckWorkspace(t.Context(), ""); err != nil || len(w.Tenant.Journal.Entries()) != 0 {
		t.Errorf("an object of no known workspace: %v, %d requests", err, len(w.Tenant.Journal.Entries()))
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := c.CheckWorkspace(t.Context(), w.Workspace.ID()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var wrong *client.WrongWorkspaceError
	if err := c.CheckWorkspace(t.Context(), "1"); !errors.As(err, &wrong) || wrong.Actual != w.Workspace.ID() ||
		wrong.Stored != "1" || !strings.Contains(err.Error(), c.Host()) {
		t.Errorf("%v", err)
	}
	if n := len(w.Tenant.Journal.Entries()); n != 1 {
		t.Errorf("%d requests", n)
	}

	// After any earlier answer, CheckWorkspace sends no request.
	other := w.as(t, w.PersonToken)
	if _, err := other.OwnTokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Tenant.Journal.Reset()
	if err := other.CheckWorkspace(t.Context(), "1"); !errors.As(err, &wrong) || len(w.Tenant.Journal.Entries()) != 0 {
		t.Errorf("%v, %d requests", err, len(w.Tenant.Journal.Entries()))
	}
}

func TestCheckWorkspaceFails(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	err := w.as(t, "dapi-of-nobody").CheckWorkspace(t.Context(), w.Workspace.ID())
	if !errors.Is(err, client.ErrUnauthenticated) {
		t.Errorf("%v", err)
	}
}

// TestRefusalNamesTheCaller checks that the error of a refusal names the login of the client that made the call: the
// owner of a token has another login than the provider.
func TestRefusalNamesTheCaller(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	c := w.as(t, w.PersonToken)
	owner, err := c.LogIn(auth.Settings{
		ClientID:     auth.Setting{Value: w.ScoringApp.ClientID, Attribute: "owner.application_id"},
		ClientSecret: auth.Setting{Value: w.ScoringSecret, Attribute: "owner.client_secret_wo"},
	})
	if err != nil {
		t.Fatal(err)
	}
	entra := w.as(t, w.entraToken(t, w.ScoringApp.ClientID, emulator.DatabricksResource, time.Hour))
	for name, tc := range map[string]struct {
		as   *client.Client
		says string
	}{
		"owner":            {owner, "client_secret login from owner.client_secret_wo, client id " + w.ScoringApp.ClientID + ", tenant " + w.Tenant.ID},
		"token of Entra":   {entra, "token login from token, client id " + w.ScoringApp.ClientID + ", tenant " + w.Tenant.ID},
		"Databricks token": {w.as(t, "dapi-of-nobody"), "token login from token"},
	} {
		_, err := tc.as.WorkspaceTokens(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), "; the refused caller: "+tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLogInSharesRateLimit checks that two identities share the rate limit and the workspace's id, because the
// workspace counts the calls of all identities together.
func TestLogInSharesRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	c := w.as(t, w.PersonToken, func(cfg *client.Config) { cfg.RateLimit = 2 })
	application, err := c.LogIn(auth.Settings{
		ClientID:     auth.Setting{Value: w.ScoringApp.ClientID, Attribute: "owner.application_id"},
		ClientSecret: auth.Setting{Value: w.ScoringSecret, Attribute: "owner.client_secret_wo"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.Tenant.Journal.Entries()); n != 0 {
		t.Errorf("logging in touched the network: %d requests", n)
	}
	began := time.Now()
	for _, caller := range []*client.Client{application, c, application} {
		me, err := caller.Me(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: w.ScoringApp.ClientID,
			false: w.PersonName}[caller == application]; me.UserName != want {
			t.Errorf("%s called, not %s", me.UserName, want)
		}
	}
	if spent := time.Since(began); spent < 400*time.Millisecond {
		t.Errorf("3 calls at 2 a second, the first 2 at once, took %s: two identities have two paces", spent)
	}
	if c.WorkspaceID() != w.Workspace.ID() || application.WorkspaceID() != w.Workspace.ID() {
		t.Errorf("workspace ids %q and %q", c.WorkspaceID(), application.WorkspaceID())
	}
	if _, err := c.LogIn(auth.Settings{}); err == nil {
		t.Error("a login without a credential was made")
	}
}

// TestAttributeOfAFailedLogin checks that an error of the provider's login names no attribute, because a resource may
// have an attribute of the same name.
func TestAttributeOfAFailedLogin(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	wrong := func(prefix string) auth.Settings {
		return auth.Settings{
			TenantID:     auth.Setting{Value: w.Tenant.ID, Attribute: prefix + "tenant_id"},
			ClientID:     auth.Setting{Value: w.ScoringApp.ClientID, Attribute: prefix + "client_id"},
			ClientSecret: auth.Setting{Value: "not-the-secret", Attribute: prefix + "client_secret"},
		}
	}
	provider := w.as(t, "placeholder", func(cfg *client.Config) {
		login, err := cfg.Open(wrong(""))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Login = login
	})
	owner, err := provider.LogIn(wrong("owner."))
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]*client.Client{"": provider, "owner.client_secret": owner} {
		_, err := c.Me(t.Context())
		var login *auth.Error
		if !errors.As(err, &login) || login.Code != 7000215 || login.Attribute != want {
			t.Errorf("%q: %v", want, err)
		}
	}
	if n := w.Tenant.Journal.Count("workspace", "", ""); n != 0 {
		t.Errorf("the workspace was asked %d times without a login", n)
	}
}

func TestNow(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Tenant.Clock.Advance(1000 * time.Hour)
	c := w.as(t, w.PersonToken)
	if since := time.Since(c.Now()); since > time.Minute || since < -time.Minute {
		t.Errorf("before the first answer now is %s", c.Now())
	}
	if _, err := c.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	if off := c.Now().Sub(w.Tenant.Clock.Now()); off > time.Second || off < -2*time.Second {
		t.Errorf("now is %s, the service says %s", c.Now(), w.Tenant.Clock.Now())
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	cause := errors.New("host is known after apply")
	c := client.NotReady(cause)
	if _, err := c.Me(t.Context()); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if _, err := c.LogIn(tokenLogin("x")); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if err := c.CheckWorkspace(t.Context(), "1"); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	other, err := c.LogIn(tokenLogin("another"))
	if err != nil {
		t.Fatal(err)
	}
	lock := func(c *client.Client, object string) func() {
		unlock, err := c.Lock(t.Context(), object)
		if err != nil {
			t.Error(err)
		}
		return unlock
	}
	unlock := lock(c, "list")
	lock(c, "another list")()
	impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := other.Lock(impatient, "list"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller out of time still waits: %v", err)
	}
	entered := make(chan struct{})
	go func() {
		defer lock(other, "list")()
		close(entered)
	}()
	select {
	case <-entered:
		t.Error("two identities changed one list at the same time")
	case <-time.After(20 * time.Millisecond):
	}
	unlock()
	<-entered
}

// TestLogHoldsNoSecret checks that the log names each call, but has no secret in it. Headers and bodies hold tokens,
// and queries hold names.
func TestLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	var log bytes.Buffer
	ctx := tflogtest.RootLogger(t.Context(), &log)

	_, value, err := c.CreateToken(ctx, "a-comment", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ServicePrincipals(ctx, `displayName eq "a-filter"`); err != nil {
		t.Fatal(err)
	}
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "POST", Path: "/api/2.0/token/create",
		Drop: "before"})
	if _, _, err := c.CreateToken(ctx, "a-comment", time.Minute, nil); !errors.Is(err, client.ErrAnswerLost) {
		t.Fatalf("%v", err)
	}

	text := log.String()
	for what, secret := range map[string]string{
		"bearer token": w.PersonToken, "new token": value, "any token": "dapi", "header": "uthorization", "body": "a-comment", "query": "a-filter",
	} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds the %s:\n%s", what, text)
		}
	}
	entries, err := tflogtest.MultilineJSONDecode(&log)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, e := range entries {
		if e["@message"] == "call" || e["@message"] == "call without an answer" {
			calls = append(calls, strings.Join([]string{e["@message"].(string), e["method"].(string),
				e["path"].(string)}, " "))
		}
		if e["host"] != strings.TrimPrefix(c.Host(), "https://") || e["milliseconds"] == nil || e["status"] == nil &&
			e["error"] == nil {
			t.Errorf("an entry shows too little: %v", e)
		}
	}
	want := []string{
		"call POST /api/2.0/token/create",
		"call GET /api/2.0/preview/scim/v2/ServicePrincipals",
		"call without an answer POST /api/2.0/token/create",
	}
	if strings.Join(calls, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log shows\n%s", strings.Join(calls, "\n"))
	}
}

// TestEnvironmentIsNotRead checks that the files and variables which the SDK reads by default change nothing.
func TestEnvironmentIsNotRead(t *testing.T) {
	for name, value := range map[string]string{
		"DATABRICKS_HOST": "https://elsewhere.test", "DATABRICKS_TOKEN": "dapi-of-somebody-else", "DATABRICKS_CLIENT_ID": "x", "DATABRICKS_CLIENT_SECRET": "y",
		"DATABRICKS_AUTH_TYPE": "basic", "DATABRICKS_WORKSPACE_ID": "1", "DATABRICKS_CONFIG_PROFILE": "missing", "DATABRICKS_CONFIG_FILE": filepath.Join(t.TempDir(), "missing"),
	} {
		t.Setenv(name, value)
	}
	w := newWorkspace(t)
	if me, err := w.as(t, w.PersonToken).Me(t.Context()); err != nil || me.UserName != w.PersonName {
		t.Errorf("%+v, %v", me, err)
	}
	if n := len(w.Tenant.Journal.Entries()); n != 1 {
		t.Errorf("%d requests: %+v", n, w.Tenant.Journal.Entries())
	}
}

func TestSDKLogIsSilent(t *testing.T) {
	t.Parallel()
	client.NotReady(errors.New("x"))
	for _, level := range []logger.Level{logger.LevelTrace, logger.LevelDebug, logger.LevelInfo, logger.LevelWarn,
		logger.LevelError} {
		if logger.Get(context.Background()).Enabled(t.Context(), level) {
			t.Errorf("the SDK logs at %v", level)
		}
	}
}

func TestTransportRefusesABadAuthority(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".missing", "/dev/zero", filepath.Dir(empty)} {
		if _, err := client.NewTransport(auth.Setting{Value: file}); err == nil {
			t.Errorf("%s was accepted", file)
		}
	}
}

// TestIsSelfAfterCheckWorkspace checks that IsSelf needs no request after CheckWorkspace, which has asked who calls.
func TestIsSelfAfterCheckWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	c := w.as(t, w.PersonToken)
	if err := c.CheckWorkspace(t.Context(), w.Workspace.ID()); err != nil {
		t.Fatal(err)
	}
	if self, err := c.IsSelf(t.Context(), w.Deployer.ClientID); self || err != nil {
		t.Errorf("%t, %v", self, err)
	}
	if n := len(w.Tenant.Journal.Entries()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestAwaitSCIMUsesTheServiceClock checks that the service's clock decides whether SCIM may still lag behind a write,
// even if look sends no request.
func TestAwaitSCIMUsesTheServiceClock(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.Tenant.Clock.Advance(-time.Hour)
	c := w.as(t, w.PersonToken)
	if _, err := c.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	looks := 0
	shown, err := c.AwaitSCIM(t.Context(), w.Tenant.Clock.Now(), "x", func(context.Context) (bool, error) {
		looks++ // sends no request, as with a shared copy
		return looks == 2, nil
	})
	if !shown || err != nil || looks != 2 {
		t.Errorf("%t, %v after %d looks", shown, err, looks)
	}
}
