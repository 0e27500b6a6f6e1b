package emulator

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func getBody(t *testing.T, client *http.Client, address string) (*http.Response, string) {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestServe(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	server := serveForTest(t, tenant)
	metadata := "/" + tenant.Domain + "/v2.0/.well-known/openid-configuration?"

	resp, body := getBody(t, trusting(tenant), server.EntraURL+metadata)
	var document map[string]any
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"issuer":         server.EntraURL + "/" + tenant.ID + "/v2.0",
		"token_endpoint": server.EntraURL + "/" + tenant.ID + "/oauth2/v2.0/token",
	} {
		if document[name] != want {
			t.Errorf("%s = %v, want %s", name, document[name], want)
		}
	}
	if resp.ProtoMajor != 1 {
		t.Errorf("served over %s", resp.Proto)
	}
	if _, body = getBody(t, trusting(tenant), document["jwks_uri"].(string)); !strings.Contains(body,
		tenant.signingKeyID) {
		t.Errorf("signing keys: %s", body)
	}

	// The server's certificate is valid for its name and its address, and only a client that trusts the tenant accepts
	// it.
	entra, err := url.Parse(server.EntraURL)
	if err != nil {
		t.Fatal(err)
	}
	getBody(t, trusting(tenant), "https://localhost:"+entra.Port()+metadata)
	stranger := trusting(NewTenant(TenantOptions{}))
	if resp, err := stranger.Get(server.EntraURL + metadata); err == nil {
		_ = resp.Body.Close()
		t.Error("a client that trusts another authority was served")
	}

	if _, body = getBody(t, http.DefaultClient, server.ControlURL+"/journal"); !strings.Contains(body,
		"openid-configuration") {
		t.Errorf("journal: %s", body)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if conn, err := net.DialTimeout("tcp", entra.Host, time.Second); err == nil {
		_ = conn.Close()
		t.Error("still listening after Close")
	}
}

func TestServeDropsTLSConnections(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	server := serveForTest(t, tenant)
	tenant.Faults.Add(Fault{Service: "entra", Drop: "before"})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: tenant.CAPool()},
		ForceAttemptHTTP2: true,
		DisableKeepAlives: true,
	}}
	resp, err := client.Get(server.EntraURL + "/common/discovery/instance")
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("answered")
	}
	if strings.Contains(err.Error(), "stream") {
		t.Errorf("a stream was reset, the connection was not closed: %v", err)
	}
}

func TestServeFromOccupiedPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if _, err := ServeFrom(listener.Addr().(*net.TCPAddr).Port, NewTenant(TenantOptions{})); err == nil {
		t.Error("served on an occupied port")
	}
}
