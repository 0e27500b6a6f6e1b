package client_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// resourceWorld is a workspace whose address only Azure Resource Manager knows. It records requests to hosts that the
// provider must not call, and answers them in a way that the provider would believe.
type resourceWorld struct {
	*workspace
	config client.Config
	id     string

	mu     sync.Mutex
	stolen []string
}

func newManaged(t *testing.T) *resourceWorld {
	t.Helper()
	m := &resourceWorld{workspace: newWorkspace(t)}
	proxy, err := url.Parse(m.server.ProxyURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: m.Tenant.CAPool(),
		MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	known := map[string]bool{"login.microsoftonline.com": true, "management.azure.com": true,
		m.Workspace.HostName(): true}
	catch := roundTripper(func(r *http.Request) (*http.Response, error) {
		if known[r.URL.Host] && r.URL.Scheme == "https" {
			return transport.RoundTrip(r)
		}
		m.mu.Lock()
		m.stolen = append(m.stolen, fmt.Sprintf("%s %s %v", r.Method, r.URL, r.Header))
		m.mu.Unlock()
		body := fmt.Sprintf(`{"id":%q,"properties":{"workspaceUrl":"elsewhere.example"}}`, m.id)
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
			Request: r}, nil
	})
	m.id = "/subscriptions/6a1f2b3c-1111-4222-8333-944455556666/resourceGroups/ml/providers/Microsoft.Databricks/workspaces/models"
	m.Tenant.PublishWorkspace(m.Workspace, m.id, m.Deployer.ClientID)
	login, err := auth.Open(auth.Settings{
		TenantID: auth.Setting{Value: m.Tenant.ID}, ClientID: auth.Setting{Value: m.Deployer.ClientID},
		ClientSecret: auth.Setting{Value: m.DeployerSecret},
	}, auth.Options{Transport: catch, RetryTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	m.config = client.Config{ResourceID: m.id, Login: login, Transport: catch, AttemptTimeout: 10 * time.Second,
		RetryTimeout: time.Second}
	return m
}

// client returns a client that has not sent a request yet.
func (m *resourceWorld) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(m.config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (m *resourceWorld) refuses(t *testing.T, says ...string) {
	t.Helper()
	_, err := m.client(t).Me(t.Context())
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.stolen) > 0 {
		t.Errorf("another server received %s", strings.Join(m.stolen, "\n"))
	}
	if err == nil {
		t.Fatal("no error")
	}
	if strings.ContainsAny(err.Error(), "\x1b\a") || strings.Contains(err.Error(), "\nError: forged") {
		t.Errorf("it writes to the terminal: %q", err)
	}
	for _, part := range append(says, "Cannot find the workspace's address") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
	if n := m.Tenant.Journal.Count("workspace", "", ""); n != 0 {
		t.Errorf("the workspace was asked %d times", n)
	}
}

func TestHostThroughResourceManagerIsFound(t *testing.T) {
	t.Parallel()
	m := newManaged(t)
	c := m.client(t)
	if _, err := c.Me(t.Context()); err != nil || c.Host() != "https://"+m.Workspace.HostName() || len(m.stolen) > 0 {
		t.Errorf("%v at %s, %v", err, c.Host(), m.stolen)
	}
}

func TestResourceManagerRedirects(t *testing.T) {
	t.Parallel()
	m := newManaged(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"https://elsewhere.example/x", "https://management.azure.com:8443/x",
			"http://management.azure.com/x"} {
			m.Tenant.Faults.Clear()
			m.Tenant.Faults.Add(emulator.Fault{Service: "arm", Status: status, Location: location, Times: -1})
			target, err := url.Parse(location)
			if err != nil {
				t.Fatal(err)
			}
			m.refuses(t, "GET", "management.azure.com", target.Host, fmt.Sprint(status))
		}
	}
}

// TestResourceManagerAnswersSomethingElse checks that an address is believed only from an answer about this workspace,
// and only if a workspace can have that address, because a token is sent there next.
func TestResourceManagerAnswersSomethingElse(t *testing.T) {
	t.Parallel()
	about := func(id, address string) string {
		body, err := json.Marshal(map[string]any{"id": id, "properties": map[string]string{"workspaceUrl": address}})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	m := newManaged(t)
	id := m.id
	for body, says := range map[string]string{
		"<html><title>Sign in</title></html>": "“Sign in”",
		"":                                    "an empty body",
		"{}":                                  "an empty JSON object",
		"null":                                "JSON null",
		"[]":                                  "a JSON array",
		`{"id":7}`:                            "JSON of another form",
		`{"id":"/subscr`:                      "damaged",
		`{"properties":{"workspaceUrl":"adb-1.2.azuredatabricks.net"}}`: "JSON without an id",
		about(id+"2", "adb-1.2.azuredatabricks.net"):                    "the resource " + id + "2",
		`{"id":"` + id + `","id":"` + id + `3"}`:                        "the resource " + id + "3",
		`{"id":["` + id + `"]}`:                                         "JSON of another form",
		`{"id":"` + id + `","properties":{"workspaceUrl":{}}}`:          "JSON of another form",
		`{"x":` + strings.Repeat("[", 300_000):                          "damaged",
		about(id, "\x1b[2J\nError: forged"):                             `\x1b[2J`,
		about("\x1b]0;x\a", ""):                                         `\x1b]0;x`,
		about(id, ""):                                                   "no workspaceUrl",
		about(id, "elsewhere.example"):                                  "elsewhere.example",
		about(id, "adb-1.2.azuredatabricks.net.elsewhere.example"):      "elsewhere.example",
		about(id, "elsewhere.example/adb-1.2.azuredatabricks.net"):      "elsewhere.example",
		about(id, "elsewhere.example#.azuredatabricks.net"):             "elsewhere.example",
		about(id, "x@elsewhere.example:443?.azuredatabricks.net"):       "elsewhere.example",
		about(id, "adb-1.2.azuredatabricks.net:8443"):                   ":8443",
		about(id, "http://adb-1.2.azuredatabricks.net"):                 "http://",
		about(id, "adb-1.2.databricks.azure.us"):                        "public cloud",
	} {
		m.Tenant.Faults.Add(emulator.Fault{Service: "arm", Status: 200, Body: body, Empty: body == "",
			ContentType: "application/json"})
		m.refuses(t, says)
	}
}

// TestStoppedWhileTheHostIsLookedUp checks that a write that waits for the workspace's address does not count as sent
// if the caller is stopped.
func TestStoppedWhileTheHostIsLookedUp(t *testing.T) {
	t.Parallel()
	m := newManaged(t)
	ctx, stop := context.WithCancel(t.Context())
	next := m.config.Transport
	m.config.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "management.azure.com" {
			stop()
			<-t.Context().Done()
		}
		return next.RoundTrip(r)
	})
	_, _, err := m.client(t).CreateToken(ctx, "a-comment", time.Minute, nil)
	if !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrAnswerLost) {
		t.Error(err)
	}
}
