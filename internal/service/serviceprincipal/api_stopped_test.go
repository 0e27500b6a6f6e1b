package serviceprincipal

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// posting is a transport that calls a function in place of the request to create a service principal. If the function
// returns neither an answer nor an error, the request is sent.
type posting struct {
	next http.RoundTripper
	post func() (*http.Response, error)
}

func (p posting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/ServicePrincipals") {
		if resp, err := p.post(); resp != nil || err != nil {
			return resp, err
		}
	}
	return p.next.RoundTrip(r)
}

// stoppable returns a scenario with an application, and a client whose requests to create a service principal call
// post.
func stoppable(t *testing.T, post func() (*http.Response, error)) (s *emulator.Scenario, c *client.Client, app string) {
	t.Helper()
	s = emulator.NewScenarioIn(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
	server, err := emulator.Serve(s.Tenant, s.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.Tenant.CACertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	transport, err := client.NewTransport(auth.Setting{Value: ca})
	if err != nil {
		t.Fatal(err)
	}
	login, err := auth.Open(auth.Settings{Token: auth.Setting{Value: s.PersonToken, Attribute: "token"}},
		auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err = client.New(client.Config{
		Host: server.WorkspaceURLs[0], Login: login, AttemptTimeout: time.Minute, RetryTimeout: time.Minute,
		Transport: posting{transport, post},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, c, s.Tenant.RegisterApp("scored").ClientID
}

// TestStoppedAndRefused checks that a run which is stopped while it creates a service principal believes the answer
// that still arrives. If the service refuses the principal, because somebody else has just created it, the run must not
// take it for its own: a destroy would delete it.
func TestStoppedAndRefused(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var create func()
	s, c, app := stoppable(t, func() (*http.Response, error) {
		create()
		stop()
		return nil, nil
	})
	create = func() { s.Workspace.AddServicePrincipal(app, "of somebody else") }
	sp, err := addServicePrincipal(ctx, c, desired{ApplicationID: app, DisplayName: "mine"})
	if !errors.Is(err, ErrExists) {
		t.Errorf("%+v, %v", sp, err)
	}
}

// TestStoppedAfterALostAnswer loses the answer to the request that creates a service principal. The workspace executes
// that request late, and the run is stopped while the second request waits for its turn. The test checks that the run
// looks for the principal once more: if it is not recorded, nobody ever deletes it.
func TestStoppedAfterALostAnswer(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var create func()
	posts := 0
	s, c, app := stoppable(t, func() (*http.Response, error) {
		if posts++; posts == 1 {
			return nil, &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
		}
		create()
		stop()
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}, Body: http.NoBody,
		}, nil
	})
	create = func() { s.Workspace.AddServicePrincipal(app, "mine") }
	sp, err := addServicePrincipal(ctx, c, desired{ApplicationID: app, DisplayName: "mine"})
	if err != nil || sp.ApplicationID != app || posts != 2 {
		t.Errorf("%d requests, %+v, %v", posts, sp, err)
	}
}
