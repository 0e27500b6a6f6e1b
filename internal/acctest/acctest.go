// Package acctest starts an emulated Entra ID and workspace and a provider for one test. Only tests import it.
//
// Each test has a world of its own and its own environment, handed to the provider as a lookup, so all of them run in
// parallel. A fault that a test declares and nothing meets fails that test: it would prove nothing.
package acctest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/server"
)

// Password opens the deployer's PFX file.
const Password = "correct horse battery staple"

func init() {
	// The examples name the provider's source; this makes the test framework serve it under that address too.
	set("TF_ACC_PROVIDER_NAMESPACE", "dbxaccess")
	// A personal CLI configuration, or the path of one that is not there, must change nothing here.
	set("TF_CLI_CONFIG_FILE", os.DevNull)
	// The worlds of a test process hold little and allocate much: left alone, the collector takes a fifth of the time.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(384 << 20) // from here on it collects as often as it must
	}
	// A provider in this process takes its proxy from the process's environment, which the worlds of parallel tests share.
	transport := http.DefaultTransport.(*http.Transport)
	fromEnvironment := transport.Proxy
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if proxy, ok := reached.Load(r.URL.Hostname()); ok {
			return proxy.(*url.URL), nil
		}
		return fromEnvironment(r)
	}
}

// reached are hosts that are found through the proxy of one world.
var reached sync.Map // host name → *url.URL

func set(name, value string) {
	if err := os.Setenv(name, value); err != nil {
		panic(err)
	}
}

// World is an emulated tenant with one workspace, and what a provider needs to reach it.
type World struct {
	*emulator.Scenario
	Server *emulator.Server
	// Env is the environment the provider sees. A test may change it before it runs Terraform.
	Env map[string]string
	// Dir holds ca.pem, deployer.pfx and deployer.pem.
	Dir string
}

// New starts a world. The provider in it logs in with the deployer's password-protected PFX.
func New(t testing.TB) *World {
	t.Helper()
	return NewIn(t, emulator.TenantOptions{})
}

// NewIn is [New] with a tenant of these options.
func NewIn(t testing.TB, opts emulator.TenantOptions) *World {
	t.Helper()
	opts.NewKey = keys()
	scenario := emulator.NewScenarioIn(opts)
	server, err := emulator.Serve(scenario.Tenant, scenario.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, scenario)
	w.Server = server
	w.Env["DBXACCESS_HOST"], w.Env["ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"] = server.WorkspaceURLs[0], server.EntraURL
	t.Cleanup(func() {
		_ = server.Close()
		for _, fault := range scenario.Tenant.Faults.Unmet() {
			t.Errorf("nothing met the fault %+v", fault)
		}
	})
	return w
}

// newWorld is a world whose services have no address yet.
func newWorld(t testing.TB, scenario *emulator.Scenario) *World {
	t.Helper()
	w := &World{Scenario: scenario, Dir: t.TempDir()}
	w.Env = map[string]string{
		"ARM_TENANT_ID":                   scenario.Tenant.ID,
		"ARM_CLIENT_ID":                   scenario.Deployer.ClientID,
		"ARM_CLIENT_CERTIFICATE_PATH":     w.WritePFX(t, "deployer.pfx", scenario.DeployerKey, scenario.DeployerCertificate, Password),
		"ARM_CLIENT_CERTIFICATE_PASSWORD": Password,
		"DBXACCESS_CA_CERTIFICATE_PATH":   w.Write(t, "ca.pem", scenario.Tenant.CACertificatePEM()),
	}
	return w
}

// OtherWorkspace adds one to the tenant, with the deployer as an admin, and returns its address.
func (w *World) OtherWorkspace(t testing.TB) (other *emulator.Workspace, host string) {
	t.Helper()
	other = w.Tenant.NewWorkspace(emulator.WorkspaceOptions{})
	other.AddServicePrincipal(w.Deployer.ClientID, "deployer")
	other.AddToGroup("admins", w.Deployer.ClientID)
	server, err := emulator.Serve(w.Tenant, other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return other, server.WorkspaceURLs[0]
}

// Proxied makes the provider reach everything by its real name, as in the cloud, through the emulator's proxy.
func (w *World) Proxied() {
	delete(w.Env, "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST")
	w.Env["DBXACCESS_HOST"] = "https://" + w.Workspace.HostName()
	w.Env["HTTPS_PROXY"] = w.Server.ProxyURL
	w.Env["HTTP_PROXY"] = w.Server.ProxyURL
}

// Reach makes a provider in this process reach a vault by its real name, which no other world may use.
func (w *World) Reach(t testing.TB, v *emulator.Vault) {
	t.Helper()
	address, err := url.Parse(v.URL())
	must(t, err)
	w.ReachHost(t, address.Hostname())
}

// ReachHost makes a provider in this process reach a host by its real name, which no other world may use.
func (w *World) ReachHost(t testing.TB, host string) {
	t.Helper()
	proxy, err := url.Parse(w.Server.ProxyURL)
	must(t, err)
	if _, taken := reached.LoadOrStore(host, proxy); taken {
		t.Fatalf("%s is another world's", host)
	}
	t.Cleanup(func() { reached.Delete(host) })
}

// Write puts a file into the world's folder and returns its path.
func (w *World) Write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(w.Dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// WritePFX writes a PFX file as OpenSSL 3 would, but with one iteration of the key derivation, because many tests open
// such a file.
func (w *World) WritePFX(t testing.TB, name string, key *rsa.PrivateKey, cert *x509.Certificate, password string) string {
	t.Helper()
	pfx, err := pkcs12.Modern.WithIterations(1).Encode(key, cert, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return w.Write(t, name, pfx)
}

// PEM is a key and its certificate as PEM text.
func PEM(t testing.TB, key *rsa.PrivateKey, cert *x509.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
}

// LookupEnv reads the world's environment.
func (w *World) LookupEnv(name string) (string, bool) {
	value, ok := w.Env[name]
	return value, ok
}

// Providers serve the provider in this process, with the world's environment.
func (w *World) Providers() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"dbxaccess": func() (tfprotov6.ProviderServer, error) { return w.server(), nil },
	}
}

// server serves the provider as main does.
func (w *World) server() tfprotov6.ProviderServer {
	return server.New(provider.New("0.0.0-test", w.LookupEnv)())
}

// TestCLI runs the steps through the real CLI.
func (w *World) TestCLI(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.Providers(), Steps: w.Informed(steps...)})
}

// Count returns how many requests the journal holds for a service ("entra" or "workspace"), a method ("" for any) and a
// part of the route.
func (w *World) Count(service, method, route string) int {
	return w.Tenant.Journal.Count(service, method, route)
}
