package emulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// behindProxy returns a client that uses the server's proxy and trusts the tenant's authority, like a process with
// HTTPS_PROXY, HTTP_PROXY and SSL_CERT_FILE.
func behindProxy(t *testing.T, tenant *Tenant, server *Server) *http.Client {
	t.Helper()
	address, err := url.Parse(server.ProxyURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address), TLSClientConfig: &tls.Config{RootCAs: tenant.CAPool()}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// azureOptions returns options with which an Azure client uses the given HTTP client and never repeats a request.
func azureOptions(client *http.Client, where azcloud.Configuration) azcore.ClientOptions {
	return azcore.ClientOptions{Transport: client, Cloud: where, Retry: policy.RetryOptions{MaxRetries: -1}}
}

func TestProxyServesRealHostNames(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	workspace := tenant.NewWorkspace(WorkspaceOptions{ID: "1234567890123456"})
	server := serveForTest(t, tenant)
	client := behindProxy(t, tenant, server)
	tenant.NewVault("kv-late") // created after the proxy
	tenant.NewOIDCIssuer("https://issuer.example/one")
	if name := workspace.HostName(); name != "adb-1234567890123456.16.azuredatabricks.net" {
		t.Errorf("host name %s", name)
	}
	renamed := tenant.NewWorkspace(WorkspaceOptions{ID: "77"})
	renamed.SetHostName("adb-77.3.databricks.azure.us")
	metadata := "/" + tenant.ID + "/v2.0/.well-known/openid-configuration"

	for _, tc := range []struct {
		address string
		status  int
		body    string
	}{
		{"https://login.microsoftonline.com" + metadata, 200, `"token_endpoint":"https://login.microsoftonline.com/` + tenant.ID + `/oauth2/v2.0/token"`},
		{"https://login.microsoftonline.us" + metadata, 200, `"issuer":"https://login.microsoftonline.us/` + tenant.ID + `/v2.0"`},
		{"https://login.chinacloudapi.cn" + metadata, 200, `"issuer":"https://login.chinacloudapi.cn/` + tenant.ID + `/v2.0"`},
		{"https://login.partner.microsoftonline.cn" + metadata, 200, `"token_endpoint":"https://login.partner.microsoftonline.cn/`},
		{"https://LOGIN.microsoftonline.com" + metadata, 200, `"token_endpoint":`},
		{"https://management.azure.com/subscriptions", 401, "AuthenticationFailed"},
		{"https://management.usgovcloudapi.net/subscriptions", 401, "AuthenticationFailed"},
		{"https://management.chinacloudapi.cn/subscriptions", 401, "AuthenticationFailed"},
		{"https://kv-late.vault.azure.net/secrets", 401, "AKV10000"},
		{"https://kv-late.vault.usgovcloudapi.net/secrets", 401, "AKV10000"},
		{"https://kv-late.vault.azure.cn/secrets", 401, "AKV10000"},
		{"https://adb-1234567890123456.16.azuredatabricks.net/api/2.0/clusters/list", 401, "Credential was not sent"},
		{"https://adb-1234567890123456.16.databricks.azure.cn/api/2.0/clusters/list", 401, "Credential was not sent"},
		{"https://adb-77.3.databricks.azure.us/.well-known/databricks-config", 200, `"oidc_endpoint":"https://adb-77.3.databricks.azure.us/oidc"`},
		{"https://issuer.example/one/.well-known/openid-configuration", 200, `"issuer":"https://issuer.example/one"`},
		{"https://issuer.example/two/.well-known/openid-configuration", 404, ""},
		{"http://169.254.169.254/metadata/identity/oauth2/token", 400, "Required metadata header not specified"},
	} {
		resp, body := getBody(t, client, tc.address)
		if resp.StatusCode != tc.status || !strings.Contains(body, tc.body) {
			t.Errorf("%s: %d %s, want %d %s", tc.address, resp.StatusCode, body, tc.status, tc.body)
		}
	}
	if resp, _ := getBody(t, client, "https://login.microsoftonline.us"+metadata); resp.TLS == nil ||
		resp.TLS.PeerCertificates[0].DNSNames[0] != "login.microsoftonline.us" {
		t.Error("the certificate is not one for the name that was asked")
	}
}

func TestProxyRefusesUnknownHosts(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	tenant.NewWorkspace(WorkspaceOptions{ID: "77"})
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	reached := make(chan struct{}, 1)
	go func() {
		if conn, err := outer.Accept(); err == nil {
			_ = conn.Close()
			reached <- struct{}{}
		}
	}()

	for _, address := range []string{
		"https://example.com/", "https://graph.microsoft.com/", "https://no-such.vault.azure.net/secrets",
		"https://vault.azure.net/",
		"https://adb-78.17.azuredatabricks.net/", "https://adb-77.3.azuredatabricks.net/",
		"https://login.microsoftonline.com:8443/",
		"https://169.254.169.254/metadata/identity/oauth2/token", "https://login.microsoftonline.com.example/",
	} {
		resp, err := client.Get(address)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: %s", address, resp.Status)
		} else if !strings.Contains(err.Error(), "Bad Gateway") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"http://" + outer.Addr().String(), "http://example.com/", "http://login.microsoftonline.com/",
		"http://169.254.169.254:8080/",
	} {
		// By default net/http sends no requests for loopback addresses to a proxy, but it does if the proxy is set
		// explicitly.
		if resp, body := getBody(t, client, address); resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %s %s", address, resp.Status, body)
		}
	}
	select {
	case <-reached:
		t.Error("the proxy connected to an address outside")
	case <-time.After(50 * time.Millisecond):
	}
	for _, e := range tenant.Journal.Entries() {
		if e.Service != "proxy" || e.Status != http.StatusBadGateway {
			t.Errorf("entry %+v", e)
		}
	}
}

func TestProxyHoldsTunnelsToTheirHost(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	tenant.NewVault("kv-one")
	tenant.NewVault("kv-two")
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	r, err := http.NewRequest(http.MethodGet, "https://kv-one.vault.azure.net/secrets", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "kv-two.vault.azure.net"
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest || tenant.Journal.Count("vault", "", "") != 0 {
		t.Errorf("%s, %d requests to a vault", resp.Status, tenant.Journal.Count("vault", "", ""))
	}
}

func TestProxyAsksInProxyForm(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	server := serveForTest(t, tenant)
	if resp, body := getBody(t, http.DefaultClient, server.ProxyURL+"/"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s %s", resp.Status, body)
	}
	// A client may send its TLS handshake before it has read the answer to CONNECT.
	address, _ := url.Parse(server.ProxyURL)
	conn, err := net.Dial("tcp", address.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eager := &prefixed{Conn: conn, prefix: "CONNECT login.microsoftonline.com:443 HTTP/1.1\r\nHost: " +
		"login.microsoftonline.com:443\r\n\r\n", answered: bufio.NewReader(conn)}
	secure := tls.Client(eager, &tls.Config{RootCAs: tenant.CAPool(), ServerName: "login.microsoftonline.com"})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
}

// prefixed is a connection that sends its prefix together with the first write, and skips the answer to the prefix.
type prefixed struct {
	net.Conn
	prefix   string
	answered *bufio.Reader
	skipped  bool
}

func (p *prefixed) Write(b []byte) (int, error) {
	prefix := p.prefix
	p.prefix = ""
	n, err := p.Conn.Write(append([]byte(prefix), b...))
	return n - len(prefix), err
}

func (p *prefixed) Read(b []byte) (int, error) {
	if !p.skipped {
		p.skipped = true
		resp, err := http.ReadResponse(p.answered, &http.Request{Method: http.MethodConnect})
		if err != nil {
			return 0, err
		}
		if resp.StatusCode != http.StatusOK {
			return 0, errors.New(resp.Status)
		}
	}
	return p.answered.Read(b)
}

func TestProxyAppliesFaults(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	const metadata = "https://login.microsoftonline.com/common/discovery/instance"
	tenant.Faults.Add(Fault{Service: "proxy", Method: "CONNECT", Path: "/login.microsoftonline.com:443", Status: 407,
		Message: "who are you"})
	tenant.Faults.Add(Fault{Service: "proxy", Drop: "before"})
	tenant.Faults.Add(Fault{Service: "entra", Drop: "before"})
	for _, want := range []string{"Proxy Authentication Required", "EOF", "EOF"} {
		resp, err := client.Get(metadata)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatalf("answered %s", resp.Status)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if resp, _ := getBody(t, client, metadata); resp.StatusCode != http.StatusOK || len(tenant.Faults.Unmet()) != 0 {
		t.Errorf("%s, unmet %v", resp.Status, tenant.Faults.Unmet())
	}
}

func TestProxyServesAddedRoutes(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	answer := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	proxy := tenant.Proxy(map[string]http.Handler{"login.microsoftonline.com": answer("mine"),
		"http://plain.example": answer("plain")})
	server := &Server{proxy: proxy}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tenant.ServerCertificate()
	if err != nil {
		t.Fatal(err)
	}
	server.ProxyURL = server.serve(listener, proxy, false, certificate)
	client := behindProxy(t, tenant, server)
	for address, want := range map[string]string{"https://login.microsoftonline.com/": "mine",
		"http://plain.example/": "plain"} {
		if _, body := getBody(t, client, address); body != want {
			t.Errorf("%s: %s", address, body)
		}
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if resp, err := client.Get("https://login.microsoftonline.com/"); err == nil {
		_ = resp.Body.Close()
		t.Error("answered after Close: a tunnel is still open")
	}
}

// TestAzidentityInEveryCloud logs a real credential in to each cloud, with instance discovery. The metadata that it
// receives must name the host to which it sent the request.
func TestAzidentityInEveryCloud(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	app := tenant.RegisterApp("deployer")
	secret := app.AddSecret(time.Hour)
	for _, tc := range []struct {
		name       string
		where      azcloud.Configuration
		scope, aud string
		foreign    string
	}{
		{"public", azcloud.AzurePublic, "https://management.core.windows.net//.default", "https://management.core.windows.net/", "https://vault.azure.cn/.default"},
		{"US Government", azcloud.AzureGovernment, "https://management.core.usgovcloudapi.net//.default", "https://management.core.usgovcloudapi.net/", "https://vault.azure.net/.default"},
		{"China", azcloud.AzureChina, "https://vault.azure.cn/.default", "https://vault.azure.cn", "https://management.core.windows.net//.default"},
		{"China, Databricks", azcloud.AzureChina, databricksScope, DatabricksResource, "https://vault.usgovcloudapi.net/.default"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			credential, err := azidentity.NewClientSecretCredential(tenant.ID, app.ClientID, secret,
				&azidentity.ClientSecretCredentialOptions{ClientOptions: azureOptions(client, tc.where)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := credential.GetToken(context.Background(),
				policy.TokenRequestOptions{Scopes: []string{tc.scope}})
			if err != nil {
				t.Fatal(err)
			}
			if claims, err := tenant.VerifyAccessToken(got.Token); err != nil || claims.Audience != tc.aud {
				t.Errorf("%+v, %v", claims, err)
			}
			if _, err := credential.GetToken(context.Background(),
				policy.TokenRequestOptions{Scopes: []string{tc.foreign}}); err == nil ||
				!strings.Contains(err.Error(), "AADSTS500011") {
				t.Errorf("a resource of another cloud: %v", err)
			}
		})
	}
}

func TestTenantInOneCloud(t *testing.T) {
	tenant := NewTenant(TenantOptions{Cloud: ChinaCloud})
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	path := "/" + tenant.ID + "/v2.0/.well-known/openid-configuration"
	for host, want := range map[string]int{"login.chinacloudapi.cn": 200, "login.partner.microsoftonline.cn": 200,
		"login.microsoftonline.com": 400, "login.microsoftonline.us": 400} {
		if resp, body := getBody(t, client, "https://"+host+path); resp.StatusCode != want || want == 400 &&
			!strings.Contains(body, "AADSTS90002") {
			t.Errorf("%s: %d %s", host, resp.StatusCode, body)
		}
	}
}

func TestInstanceDiscovery(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	client := behindProxy(t, tenant, serveForTest(t, tenant))
	for asked, want := range map[string]string{
		"https://login.chinacloudapi.cn/x": `"preferred_network":"login.partner.microsoftonline.cn"`,
		"https://login.microsoftonline.us": `"tenant_discovery_endpoint":"https://login.microsoftonline.us/`,
		"https://login.private.example/x":  "AADSTS50049",
		"%zz":                              "AADSTS50049",
	} {
		_, body := getBody(t, client,
			"https://login.microsoftonline.com/common/discovery/instance?api-version=1.1&authorization_endpoint="+
				url.QueryEscape(asked))
		if !strings.Contains(body, want) {
			t.Errorf("%s: %s", asked, body)
		}
	}
}
