package serviceprincipaltoken

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// stopping cancels the run when the workspace has answered the request to create a token, before the client sees that
// answer.
type stopping struct {
	next http.RoundTripper
	stop context.CancelFunc
}

func (s stopping) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/token/create") {
		s.stop()
		resp.Body.Close()
		return nil, context.Canceled
	}
	return resp, err
}

func tokenLogin(t *testing.T, value string) *auth.Login {
	t.Helper()
	login, err := auth.Open(auth.Settings{Token: auth.Setting{Value: value, Attribute: "token"}}, auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return login
}

// If the run is stopped while a token is created, nobody knows the value of that token. So the token must not be left
// behind.
func TestStoppedCreationLeavesNoToken(t *testing.T) {
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
	ctx, cancel := context.WithCancel(t.Context())
	c, err := client.New(client.Config{
		Host: server.WorkspaceURLs[0], Login: tokenLogin(t, s.PersonToken), Transport: stopping{transport, cancel},
		AttemptTimeout: time.Minute, RetryTimeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.Workspace.Snapshot().Tokens)

	if _, err := createToken(ctx, c, token{Comment: "c", Lifetime: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if s.Tenant.Journal.Count("workspace", "POST", "/token/create") != 1 ||
		s.Tenant.Journal.Count("workspace", "POST", "/token/delete") != 2 {
		t.Errorf("%+v", s.Tenant.Journal.Entries())
	}
	if after := s.Workspace.Snapshot().Tokens; len(after) != before {
		t.Errorf("a token is left: %+v", after)
	}
}

// sent keeps the body of the last PATCH request, and answers {} to every request.
type sent struct{ body string }

func (s *sent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch { // other requests ask for the id of the workspace
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.body = string(body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"X-Databricks-Org-Id": {"42"},
			"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader("{}")), Request: r,
	}, nil
}

// To remove a comment, the provider must send an empty comment.
func TestChangeSendsAnEmptyComment(t *testing.T) {
	t.Parallel()
	s := &sent{}
	c, err := client.New(client.Config{Host: "https://adb-42.test", Login: tokenLogin(t, "dapi-of-nobody"),
		Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ChangeOwnToken(t.Context(), "id", []string{"comment", "scopes"}, "", []string{"sql"}); err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal([]byte(s.body), &got),
		json.Unmarshal([]byte(`{"token":{"comment":"","scopes":["sql"]},"update_mask":"comment,scopes"}`),
			&want)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sent %s", s.body)
	}
}
