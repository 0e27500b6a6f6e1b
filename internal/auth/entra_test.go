package auth

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const managementScope = "https://management.core.windows.net//.default"

// directory is an emulated Entra ID that is served with TLS.
type directory struct {
	*emulator.Tenant
	server *httptest.Server
}

func newDirectory(t testing.TB) *directory {
	t.Helper()
	tenant := emulator.NewTenant(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
	server := httptest.NewTLSServer(tenant.Entra())
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		if unmet := tenant.Faults.Unmet(); len(unmet) > 0 {
			t.Errorf("faults nobody met: %+v", unmet)
		}
	})
	return &directory{tenant, server}
}

func (d *directory) settings(clientID string) Settings {
	return Settings{
		TenantID:      hcl("tenant_id", d.ID),
		ClientID:      hcl("client_id", clientID),
		AuthorityHost: hcl("authority_host", d.server.URL),
	}
}

func (d *directory) secretSettings(app *emulator.App, secret string) Settings {
	s := d.settings(app.ClientID)
	s.ClientSecret = hcl("client_secret", secret)
	return s
}

func (d *directory) options() Options { return Options{Transport: d.server.Client().Transport} }

func (d *directory) open(t testing.TB, s Settings, o Options) *Login {
	t.Helper()
	l, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tokenRequests returns the number of requests that the token endpoint received.
func (d *directory) tokenRequests() int {
	return d.Journal.Count("entra", "POST", "/oauth2/v2.0/token")
}

func TestAccessTokenSecret(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	secret := app.AddSecret(time.Hour)
	l := d.open(t, d.secretSettings(app, "  "+secret+"\n"), d.options())
	if n := len(d.Journal.Entries()); n != 0 {
		t.Fatalf("opening made %d requests", n)
	}
	for _, scope := range []string{DatabricksScope, managementScope} {
		token, err := l.AccessToken(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := d.VerifyAccessToken(token.Value)
		if err != nil {
			t.Fatal(err)
		}
		if claims.AppID != app.ClientID {
			t.Errorf("token is of %s, want %s", claims.AppID, app.ClientID)
		}
		if left := time.Until(token.ExpiresAt); left < 50*time.Minute || left > 61*time.Minute {
			t.Errorf("token ends in %v", left)
		}
		for _, text := range formats(token, &token, l) {
			if strings.Contains(text, token.Value) || strings.Contains(text, secret) {
				t.Errorf("a secret shows in %.80s", text)
			}
		}
	}
	if got := d.tokenRequests(); got != 2 {
		t.Errorf("%d token requests for two scopes", got)
	}
}

func TestAccessTokenCertificate(t *testing.T) {
	t.Parallel()
	for _, sendChain := range []bool{false, true} {
		d := newDirectory(t)
		app := d.RegisterApp("sp")
		c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
		app.AddCertificate(c.Leaf())
		s := d.settings(app.ClientID)
		s.CertificatePath = hcl("client_certificate_path", write(t, "sp.pem", pemOf(t, c)))
		s.SendChain = sendChain

		var body bytes.Buffer
		o := d.options()
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				if copied, err := r.GetBody(); err == nil {
					_, _ = body.ReadFrom(copied)
				}
			}
			return d.server.Client().Transport.RoundTrip(r)
		})
		l := d.open(t, s, o)
		token, err := l.AccessToken(t.Context(), DatabricksScope)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.VerifyAccessToken(token.Value); err != nil {
			t.Error(err)
		}
		form, err := url.ParseQuery(body.String())
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(form.Get("client_assertion"), ".")
		decoded, err := base64.RawURLEncoding.DecodeString(header)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(decoded), `"x5c"`); got != sendChain {
			t.Errorf("x5c in the assertion: %v, want %v", got, sendChain)
		}
	}
}

// TestInstanceDiscovery checks that MSAL makes a request for instance discovery for a public login host, and none for a
// private login host or if the setting disables it.
func TestInstanceDiscovery(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		host     string
		disabled bool
		asked    int
	}{
		"default":         {"", false, 1},
		"disabled":        {"", true, 0},
		"own host":        {"https://login.private.example", false, 0},
		"own host, again": {"https://login.private.example", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(t)
			app := d.RegisterApp("sp")
			s := d.secretSettings(app, app.AddSecret(time.Hour))
			s.AuthorityHost.Value, s.DisableInstanceDiscovery = test.host, test.disabled
			handler := d.server.Config.Handler
			o := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				w := httptest.NewRecorder()
				r = r.Clone(r.Context())
				r.Host = r.URL.Host
				handler.ServeHTTP(w, r)
				return w.Result(), nil
			})}
			if _, err := d.open(t, s, o).AccessToken(t.Context(), DatabricksScope); err != nil {
				t.Fatal(err)
			}
			if got := d.Journal.Count("entra", "GET", "/common/discovery/instance"); got != test.asked {
				t.Errorf("instance discovery was asked %d times, want %d", got, test.asked)
			}
		})
	}
}

func TestAccessTokenToken(t *testing.T) {
	t.Parallel()
	l, err := Open(Settings{Token: hcl("token", " dapi-0123456789\n")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := l.AccessToken(t.Context(), DatabricksScope)
	if err != nil || token.Value != "dapi-0123456789" || !token.ExpiresAt.IsZero() {
		t.Errorf("token %v, error %v", token, err)
	}
	token, err = l.AccessToken(t.Context(), managementScope)
	e := wantError(t, err, "Login with a Databricks token cannot get a token of Entra ID")
	if token.Value != "" || e.Attribute != "token" {
		t.Errorf("token for another service: %d bytes, attribute %q", len(token.Value), e.Attribute)
	}
}

func TestAccessTokenOneRequestPerScope(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	d.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token",
		Delay: 50 * time.Millisecond, Times: -1})
	l := d.open(t, d.secretSettings(app, app.AddSecret(time.Hour)), d.options())
	var group sync.WaitGroup
	for i := range 20 {
		for _, scope := range []string{DatabricksScope, managementScope} {
			group.Go(func() {
				if _, err := l.AccessToken(t.Context(), scope); err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
	}
	group.Wait()
	if got := d.tokenRequests(); got != 2 {
		t.Errorf("%d token requests, want one for each of two scopes", got)
	}
}

// TestAccessTokenSharesRefusal checks that concurrent callers with a wrong secret share one refused request, because
// many such requests would look like an attack.
func TestAccessTokenSharesRefusal(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	app.AddSecret(time.Hour)
	d.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token",
		Delay: 300 * time.Millisecond, Times: -1})
	l := d.open(t, d.secretSettings(app, "not-the-secret"), d.options())
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			_, err := l.AccessToken(t.Context(), DatabricksScope)
			var e *Error
			if !errors.As(err, &e) || e.Code != 7000215 {
				t.Errorf("error is %v", err)
			}
		})
	}
	group.Wait()
	if got := d.tokenRequests(); got != 1 {
		t.Errorf("%d token requests, want 1", got)
	}
}

// TestAccessTokenSharedRequestCallerIsCancelled checks that the other callers get a token if the caller that makes the
// shared request is cancelled.
func TestAccessTokenSharedRequestCallerIsCancelled(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	d.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token", Delay: 2 * time.Second,
		Times: 1})
	l := d.open(t, d.secretSettings(app, app.AddSecret(time.Hour)), d.options())
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		_, err := l.AccessToken(ctx, DatabricksScope)
		wantInterrupted(t, err, context.Canceled)
	})
	time.Sleep(200 * time.Millisecond)
	group.Go(func() {
		if _, err := l.AccessToken(t.Context(), DatabricksScope); err != nil {
			t.Errorf("the second caller: %v", err)
		}
	})
	group.Go(func() {
		short, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer stop()
		_, err := l.AccessToken(short, DatabricksScope)
		wantInterrupted(t, err, context.DeadlineExceeded)
	})
	time.Sleep(200 * time.Millisecond)
	cancel()
	group.Wait()
}

// TestAccessTokenSharedRequestCallerTimesOut checks that a caller with much time does not get the error of a caller
// that gave up early because it had little time.
func TestAccessTokenSharedRequestCallerTimesOut(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	d.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token",
		Delay: 400 * time.Millisecond, Status: 503, RetryAfter: 60, Times: 1})
	l := d.open(t, d.secretSettings(app, app.AddSecret(time.Hour)), d.options())
	var group sync.WaitGroup
	group.Go(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := l.AccessToken(ctx, DatabricksScope); err == nil {
			t.Error("the first caller has a token in spite of a Retry-After beyond its time")
		}
	})
	time.Sleep(200 * time.Millisecond)
	group.Go(func() {
		if _, err := l.AccessToken(t.Context(), DatabricksScope); err != nil {
			t.Errorf("the second caller: %v", err)
		}
	})
	group.Wait()
	if got := d.tokenRequests(); got != 2 {
		t.Errorf("%d token requests, want 2", got)
	}
}

func wantInterrupted(t testing.TB, err, cause error) {
	var e *Error
	if !errors.As(err, &e) || e.Summary != "Login was interrupted" || !errors.Is(err, cause) {
		t.Errorf("error is %v, want an interruption by %v", err, cause)
	}
}

func TestAccessTokenRefusalsAreFinal(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	_, err := d.open(t, d.secretSettings(app, "not-the-secret"), d.options()).AccessToken(t.Context(), DatabricksScope)
	e := wantError(t, err, "Client secret is wrong", "Secret ID", "AADSTS7000215", "Tenant: "+d.ID,
		"Method: client_secret (client_secret)", "Correlation ID: ", "Timestamp: ")
	if e.Attribute != "client_secret" || e.CorrelationID == "" {
		t.Errorf("attribute %q, correlation id %q", e.Attribute, e.CorrelationID)
	}
	if got := d.tokenRequests(); got != 1 {
		t.Errorf("%d token requests, want 1", got)
	}
}

func TestAccessTokenIsRenewed(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	l := d.open(t, d.secretSettings(app, app.AddSecret(time.Hour)), d.options())
	// MSAL caches a token only while the token is valid for more than five minutes.
	d.SetTokenLifetime(4 * time.Minute)
	values := map[string]bool{}
	for range 3 {
		token, err := l.AccessToken(t.Context(), DatabricksScope)
		if err != nil {
			t.Fatal(err)
		}
		values[token.Value] = true
	}
	if len(values) != 3 || d.tokenRequests() != 3 {
		t.Errorf("%d tokens in %d requests, want 3", len(values), d.tokenRequests())
	}
	d.SetTokenLifetime(time.Hour)
	for range 3 {
		if _, err := l.AccessToken(t.Context(), DatabricksScope); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.tokenRequests(); got != 4 {
		t.Errorf("%d requests after a long-lived token, want 4", got)
	}
}

func TestMSALRegionIsIgnored(t *testing.T) {
	t.Setenv("MSAL_FORCE_REGION", "westeurope")
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	app.AddCertificate(c.Leaf())
	s := d.settings(app.ClientID)
	s.Certificate = hcl("client_certificate", string(pemOf(t, c)))
	s.AuthorityHost = Setting{}
	var hosts []string
	o := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		hosts = append(hosts, r.URL.Host)
		w := httptest.NewRecorder()
		r = r.Clone(r.Context())
		r.Host = r.URL.Host
		d.server.Config.Handler.ServeHTTP(w, r)
		return w.Result(), nil
	})}
	if _, err := d.open(t, s, o).AccessToken(t.Context(), DatabricksScope); err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		if host != "login.microsoftonline.com" {
			t.Errorf("%s was asked", host)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
