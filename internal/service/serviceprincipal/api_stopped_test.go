package serviceprincipal

import (
	"context"
	"errors"
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

// before is a transport that calls a function before it sends the request to create a service principal.
type before struct {
	next   http.RoundTripper
	create func()
}

func (b before) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/ServicePrincipals") {
		b.create()
	}
	return b.next.RoundTrip(r)
}

// TestStoppedAndRefused checks that a run which is stopped while it creates a service principal believes the answer that
// still arrives. If the service refuses the principal, because somebody else has just created it, the run must not take
// it for its own: a destroy would delete it.
func TestStoppedAndRefused(t *testing.T) {
	t.Parallel()
	s := emulator.NewScenarioIn(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
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
	login, err := auth.Open(auth.Settings{Token: auth.Setting{Value: s.PersonToken, Attribute: "token"}}, auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	app := s.Tenant.RegisterApp("scored").ClientID
	c, err := client.New(client.Config{
		Host: server.WorkspaceURLs[0], Login: login, AttemptTimeout: time.Minute, RetryTimeout: time.Minute,
		Transport: before{transport, func() {
			s.Workspace.AddServicePrincipal(app, "of somebody else")
			stop()
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	sp, err := addServicePrincipal(ctx, c, wish{ApplicationID: app, DisplayName: "mine"})
	if !errors.Is(err, ErrExists) {
		t.Errorf("%+v, %v", sp, err)
	}
}
