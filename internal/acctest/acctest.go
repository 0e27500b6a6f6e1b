// Package acctest starts an emulated Entra ID, an emulated Databricks workspace and the provider for one test. Only
// tests import the package.
//
// Each test has its own [World] and its own environment variables, which the provider reads through a lookup function
// instead of the process's environment. So all tests can run in parallel. A test fails if it declares a fault of the
// emulator that no request meets, because such a test would prove nothing.
package acctest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/server"
)

// Password is the password of the deployer's PFX file.
const Password = "correct horse battery staple"

func init() {
	// The examples name the provider's source. With this variable the test framework serves the provider under that
	// source address too.
	set("TF_ACC_PROVIDER_NAMESPACE", "dbxaccess")
	// The developer's own CLI configuration file must not affect the tests, nor must a variable that names a missing
	// file.
	set("TF_CLI_CONFIG_FILE", os.DevNull)
	// Each TLS connection of a client would compute a post-quantum key that the emulated servers do not use.
	set("GODEBUG", strings.TrimPrefix(os.Getenv("GODEBUG")+",tlsmlkem=0", ","))
	// The test process holds little memory but allocates much. With Go's default settings the garbage collector takes a
	// fifth of the running time.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(800)
		debug.SetMemoryLimit(1024 << 20) // above this limit, the collector runs all the time
		// Terraform's test framework passes this on to the CLI, which needs a quarter less CPU time with it.
		set("GOGC", "400")
	}
	// The SDK keeps the product's name for the whole process, without a lock. So it is set before the first request of
	// any test.
	client.Product("0.0.0-test")
	// A provider in this process takes its proxy from the process's environment, which all parallel tests share. So a
	// host that belongs to one world is looked up here first.
	transport := http.DefaultTransport.(*http.Transport)
	fromEnvironment := transport.Proxy
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if proxy, ok := reached.Load(r.URL.Hostname()); ok {
			return proxy.(*url.URL), nil
		}
		return fromEnvironment(r)
	}
}

// reached holds the host names that a request reaches through the proxy of one world.
var reached sync.Map // host name → *url.URL

func set(name, value string) {
	if err := os.Setenv(name, value); err != nil {
		panic(err)
	}
}

// World is an emulated Entra ID tenant with one workspace, together with the settings that a provider needs to reach
// both.
type World struct {
	*emulator.Scenario
	Server *emulator.Server
	// Env holds the environment variables that the provider sees. A test may change them before it runs Terraform.
	Env map[string]string
	// Dir is the folder of the files ca.pem, deployer.pfx and deployer.pem.
	Dir string

	reaches bool // a service is reached under its real host name
}

// New starts a world whose provider logs in with the deployer's password-protected PFX file.
func New(t testing.TB) *World {
	t.Helper()
	return NewIn(t, emulator.TenantOptions{})
}

// NewIn does the same as [New], with a tenant that has the given options.
func NewIn(t testing.TB, opts emulator.TenantOptions) *World {
	t.Helper()
	w := startWorld(t, opts)
	w.withCertificate(t)
	return w
}

// NewWithSecret starts a world whose provider logs in with the deployer's client secret. That is for tests that start
// many worlds and are not about the login, because writing a PFX file and signing with its key take more time than most
// operations.
func NewWithSecret(t testing.TB) *World {
	t.Helper()
	w := startWorld(t, emulator.TenantOptions{})
	w.Env["ARM_CLIENT_SECRET"] = w.DeployerSecret
	return w
}

// startWorld starts a world whose provider has no credential.
func startWorld(t testing.TB, opts emulator.TenantOptions) *World {
	t.Helper()
	opts.NewKey = emulator.ReusedKeys()
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

// newWorld creates a world without a credential and without the addresses of its services; the caller sets them.
func newWorld(t testing.TB, scenario *emulator.Scenario) *World {
	t.Helper()
	w := &World{Scenario: scenario, Dir: t.TempDir()}
	w.Env = map[string]string{
		"ARM_TENANT_ID":                 scenario.Tenant.ID,
		"ARM_CLIENT_ID":                 scenario.Deployer.ClientID,
		"DBXACCESS_CA_CERTIFICATE_PATH": w.Write(t, "ca.pem", scenario.Tenant.CACertificatePEM()),
	}
	return w
}

// withCertificate makes the provider log in with the deployer's password-protected PFX file.
func (w *World) withCertificate(t testing.TB) {
	t.Helper()
	w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = w.WritePFX(t, "deployer.pfx", w.DeployerKey, w.DeployerCertificate, Password)
	w.Env["ARM_CLIENT_CERTIFICATE_PASSWORD"] = Password
}

// OtherWorkspace adds a second workspace to the tenant, in which the deployer is an admin, and returns the workspace
// and its address.
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

// Proxied makes the provider use the host names of the real cloud, and reach the emulated services through the
// emulator's proxy.
func (w *World) Proxied() {
	delete(w.Env, "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST")
	w.Env["DBXACCESS_HOST"] = "https://" + w.Workspace.HostName()
	w.Env["HTTPS_PROXY"] = w.Server.ProxyURL
	w.Env["HTTP_PROXY"] = w.Server.ProxyURL
}

// NewVault creates an empty vault whose name begins with the given words, and makes a provider in this process reach
// it. No other world has a vault of that name.
func (w *World) NewVault(t testing.TB, name string) *emulator.Vault {
	t.Helper()
	v := w.Tenant.NewVault(fmt.Sprintf("%s-%d", name, vaults.Add(1)))
	w.Reach(t, v)
	return v
}

// vaults counts the vaults of [World.NewVault].
var vaults atomic.Int64

// Reach makes a provider in this process reach the emulated vault under the vault's real host name. It fails the test
// if another world already uses that name.
func (w *World) Reach(t testing.TB, v *emulator.Vault) {
	t.Helper()
	address, err := url.Parse(v.URL())
	must(t, err)
	w.ReachHost(t, address.Hostname())
}

// ReachHost makes a provider in this process reach an emulated service under its real host name. It fails the test if
// another world already uses that name.
func (w *World) ReachHost(t testing.TB, host string) {
	t.Helper()
	proxy, err := url.Parse(w.Server.ProxyURL)
	must(t, err)
	if _, taken := reached.LoadOrStore(host, proxy); taken {
		t.Fatalf("%s is another world's", host)
	}
	t.Cleanup(func() { reached.Delete(host) })
	w.reaches = true
}

// Write writes a file into the world's folder and returns the file's path.
func (w *World) Write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(w.Dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// WritePFX writes a PFX file in the format of OpenSSL 3 and returns the file's path. The key derivation has only one
// iteration, because many tests open such a file.
func (w *World) WritePFX(
	t testing.TB, name string, key *rsa.PrivateKey, cert *x509.Certificate, password string,
) string {
	t.Helper()
	pfx, err := pkcs12.Modern.WithIterations(1).Encode(key, cert, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return w.Write(t, name, pfx)
}

// PEM encodes a private key and its certificate as PEM text.
func PEM(t testing.TB, key *rsa.PrivateKey, cert *x509.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
}

// LookupEnv returns the value of a variable in the world's environment, and whether the variable is set.
func (w *World) LookupEnv(name string) (string, bool) {
	value, ok := w.Env[name]
	return value, ok
}

// Providers returns the factory of a provider that runs in this process with the world's environment.
func (w *World) Providers() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"dbxaccess": func() (tfprotov6.ProviderServer, error) { return w.server(), nil },
	}
}

// server creates a provider server in the same way as the main function of the provider.
func (w *World) server() tfprotov6.ProviderServer {
	return server.New(provider.New("0.0.0-test", w.LookupEnv)())
}

// TestCLI runs the steps with the real Terraform or OpenTofu command.
func (w *World) TestCLI(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.Providers(), Steps: w.Informed(steps...)})
}

// Count returns the number of recorded requests to a service ("entra" or "workspace") that have the method ("" for any)
// and whose route contains the given text.
func (w *World) Count(service, method, route string) int {
	return w.Tenant.Journal.Count(service, method, route)
}
