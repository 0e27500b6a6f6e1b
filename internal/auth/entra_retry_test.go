package auth

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestAccessTokenRetries(t *testing.T) {
	t.Parallel()
	for _, fault := range []emulator.Fault{
		{Status: 503, Times: 2, RetryAfter: 1},
		{Status: 429, Times: 1, RetryAfter: 2},
		{Status: 500, Times: 1},
		{Drop: "before", Times: 1},
	} {
		for _, endpoint := range []struct{ method, path, route string }{
			{"POST", "/*/oauth2/v2.0/token", "/oauth2/v2.0/token"},
			{"GET", "/*/v2.0/.well-known/openid-configuration", "openid-configuration"},
		} {
			fault := fault
			fault.Service, fault.Method, fault.Path = "entra", endpoint.method, endpoint.path
			t.Run(fmt.Sprintf("%d%s %s", fault.Status, fault.Drop, endpoint.route), func(t *testing.T) {
				t.Parallel()
				d := newDirectory(t)
				app := d.RegisterApp("sp")
				d.Faults.Add(fault)
				began := time.Now()
				if _, err := d.open(t, d.secretSettings(app, app.AddSecret(time.Hour)),
					d.options()).AccessToken(t.Context(), DatabricksScope); err != nil {
					t.Fatal(err)
				}
				if least := time.Duration(fault.Times*fault.RetryAfter) * time.Second; time.Since(began) < least {
					t.Errorf("took %v; Retry-After asked for %v", time.Since(began), least)
				}
				if got := d.Journal.Count("entra", endpoint.method, endpoint.route); got != fault.Times+1 {
					t.Errorf("%d requests, want %d: %+v", got, fault.Times+1, d.Journal.Entries())
				}
			})
		}
	}
}

func TestAccessTokenRetriesAreBounded(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	secret := app.AddSecret(time.Hour)
	d.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token", Status: 503,
		RetryAfter: 3600, Times: -1})
	o := d.options()
	o.RetryTimeout = 2 * time.Second
	began := time.Now()
	_, err := d.open(t, d.secretSettings(app, secret), o).AccessToken(t.Context(), DatabricksScope)
	e := wantError(t, err, "Microsoft Entra ID is unavailable", "status 503", "1 attempt", "run Terraform again later",
		"Client ID: "+app.ClientID)
	if time.Since(began) > time.Second {
		t.Errorf("waited %v for a Retry-After that is beyond the limit", time.Since(began))
	}
	if e.Code != 90033 && e.Code != 0 {
		t.Errorf("code is %d", e.Code)
	}

	o.RetryTimeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began = time.Now()
	_, err = d.open(t, d.secretSettings(app, secret), o).AccessToken(ctx, DatabricksScope)
	wantError(t, err, "Microsoft Entra ID is unavailable")
	if time.Since(began) > 2*time.Second {
		t.Errorf("went on for %v after its time was over", time.Since(began))
	}
}

func TestAccessTokenHostNeverAnswered(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	s := d.secretSettings(app, app.AddSecret(time.Hour))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "https://" + closed.Addr().String()
	_ = closed.Close()
	noHost := roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host",
			Name: "login.example.com", IsNotFound: true}}
	})
	picky := httptest.NewUnstartedServer(http.NotFoundHandler())
	picky.Config.ErrorLog = log.New(io.Discard, "", 0)
	picky.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	picky.StartTLS()
	t.Cleanup(picky.Close)
	for name, test := range map[string]struct {
		host      string
		transport http.RoundTripper
		summary   string
		detail    []string
	}{
		"untrusted": {d.server.URL, nil, "Login host is not trusted", []string{"ca_certificate_path or SSL_CERT_FILE", "certificate"}},
		"refused":   {refused, nil, "Login host refuses the connection", []string{"Behind a proxy, set HTTPS_PROXY", "connection refused"}},
		"handshake": {picky.URL, picky.Client().Transport, "Login host refuses the TLS connection", []string{"nothing was sent", "HTTPS_PROXY", "tls"}},
		"no host":   {"https://login.example.com", noHost, "Login host not found", []string{"login.example.com", "HTTPS_PROXY", "no such host"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s
			s.AuthorityHost.Value = test.host
			var requests atomic.Int32
			counted := roundTrip(func(r *http.Request) (*http.Response, error) {
				requests.Add(1)
				if test.transport == nil {
					return http.DefaultTransport.RoundTrip(r)
				}
				return test.transport.RoundTrip(r)
			})
			_, err := d.open(t, s, Options{Transport: counted}).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, test.summary, test.detail...)
			if e.Attribute != "authority_host" {
				t.Errorf("attribute is %q", e.Attribute)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests: a first connection that cannot work must not be repeated", n)
			}
		})
	}
}

// TestAccessTokenLaterOutage checks that a missing login host is a temporary failure if the host has answered before.
func TestAccessTokenLaterOutage(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	outage := false
	o := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if outage {
			outage = false
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
		}
		return d.server.Client().Transport.RoundTrip(r)
	})}
	l := d.open(t, d.secretSettings(app, app.AddSecret(time.Hour)), o)
	if _, err := l.AccessToken(t.Context(), DatabricksScope); err != nil {
		t.Fatal(err)
	}
	outage = true
	if _, err := l.AccessToken(t.Context(), managementScope); err != nil {
		t.Fatal(err)
	}
}

func TestRetriesLogWithoutSecrets(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	app := d.RegisterApp("sp")
	secret := app.AddSecret(time.Hour)
	d.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token", Status: 503, Times: 1})
	var log bytes.Buffer
	ctx := tflogtest.RootLogger(t.Context(), &log)
	token, err := d.open(t, d.secretSettings(app, secret), d.options()).AccessToken(ctx, DatabricksScope)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), `"status":503`) {
		t.Errorf("the retry is not logged: %s", log.String())
	}
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), token.Value) {
		t.Errorf("a secret is logged: %s", log.String())
	}
}
