package main

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	done := make(chan error, 1)
	go func() { done <- run(dir, 0, true, 2) }()

	var raw []byte
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var err error
		if raw, err = os.ReadFile(filepath.Join(dir, "env")); err == nil {
			break
		}
		select {
		case err := <-done:
			t.Fatalf("ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("env did not appear")
		}
	}
	env := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if !ok || value == "''" {
			t.Errorf("line %q", line)
		}
		env[name] = strings.Trim(value, "'")
	}

	authority, err := os.ReadFile(env["DBXACCESS_CA_CERTIFICATE_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	for address, bearer := range map[string]string{
		env["ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"] + "/" + env["ARM_TENANT_ID"] +
			"/v2.0/.well-known/openid-configuration": "",
		env["DBXACCESS_HOST"] + "/api/2.0/serving-endpoints/iris":    env["EMULATOR_PERSON_TOKEN"],
		env["DBXACCESS_HOST"] + "/api/2.0/serving-endpoints/crowd-1": env["EMULATOR_PERSON_TOKEN"],
		env["EMULATOR_CONTROL_URL"] + "/clock":                       "",
	} {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", address, resp.Status)
		}
	}

	proxy, err := url.Parse(env["EMULATOR_PROXY_URL"])
	if err != nil {
		t.Fatal(err)
	}
	behind := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy),
		TLSClientConfig: &tls.Config{RootCAs: pool}}}
	for address, want := range map[string]int{
		env["EMULATOR_WORKSPACE_URL"] + "/.well-known/databricks-config":                     http.StatusOK,
		env["EMULATOR_VAULT_URL"] + "/secrets/" + env["EMULATOR_VAULT_CERTIFICATE"]:          http.StatusUnauthorized,
		"http://169.254.169.254/metadata/identity/oauth2/token":                              http.StatusBadRequest,
		"https://login.microsoftonline.com/" + env["ARM_TENANT_ID"] + "/discovery/v2.0/keys": http.StatusOK,
	} {
		resp, err := behind.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", address, resp.Status)
		}
	}
	az := exec.Command(filepath.Join(env["EMULATOR_AZURE_CLI_DIR"], "az"), "account", "get-access-token", "-o", "json",
		"--resource", "https://vault.azure.net")
	token, err := az.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ AccessToken string }
	if err := json.Unmarshal(token, &answer); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{env["EMULATOR_VAULT_CLIENT_ID"]: env["ARM_CLIENT_ID"],
		env["EMULATOR_VAULT_TENANT_ID"]: env["ARM_TENANT_ID"]} {
		r, err := http.NewRequest(http.MethodGet, env["EMULATOR_VAULT_URL"]+"/secrets/"+name+"?api-version=7.4", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+answer.AccessToken)
		resp, err := behind.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var secret struct{ Value string }
		err = json.NewDecoder(resp.Body).Decode(&secret)
		_ = resp.Body.Close()
		if err != nil || secret.Value != want {
			t.Errorf("%s: %q, want %q, %v", name, secret.Value, want, err)
		}
	}

	pfx, err := os.ReadFile(env["ARM_CLIENT_CERTIFICATE_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	key, cert, err := pkcs12.Decode(pfx, env["ARM_CLIENT_CERTIFICATE_PASSWORD"])
	if err != nil {
		t.Fatal(err)
	}
	if private, ok := key.(*rsa.PrivateKey); !ok || !private.PublicKey.Equal(cert.PublicKey) {
		t.Error("the PFX's key is not its certificate's")
	}
	if _, _, err := pkcs12.Decode(pfx, ""); err == nil {
		t.Error("the PFX opens without a password")
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "deployer.pem"), filepath.Join(dir, "deployer.pem"))
	if err != nil || !pair.Leaf.Equal(cert) {
		t.Errorf("deployer.pem: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "deployer.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("deployer.pem: %v, %v", info.Mode(), err)
	}

	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("SIGTERM did not end it")
	}
}

func TestRunNeedsADirectory(t *testing.T) {
	if err := run("", 0, false, 0); err == nil || !strings.Contains(err.Error(), "usage") {
		t.Error(err)
	}
}
