//go:build unix

package auth

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPathsThatAreNotRegularFiles checks that a path of a pipe, a device, a directory or a large file is an error at
// once.
func TestPathsThatAreNotRegularFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, large := filepath.Join(dir, "pipe.pem"), filepath.Join(dir, "large.pem")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, make([]byte, LargestFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.pem")
	if err := os.Symlink("/dev/zero", link); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{pipe: "not a regular file", "/dev/zero": "not a regular file",
		link: "not a regular file", large: "larger than", dir: "directory"} {
		for name, s := range map[string]Settings{
			"certificate": with(application(), func(s *Settings) { s.CertificatePath = hcl("client_certificate_path", path) }),
			"secret":      with(application(), func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", path) }),
			"OIDC token":  with(application(), func(s *Settings) { s.UseOIDC, s.OIDCTokenFilePath = useOIDC, hcl("oidc_token_file_path", path) }),
			"client ID": with(application(), func(s *Settings) {
				s.ClientID, s.ClientIDFilePath, s.ClientSecret = Setting{}, hcl("client_id_file_path",
					path), hcl("client_secret", "x")
			}),
		} {
			done := make(chan error, 1)
			go func() {
				_, err := Open(s, Options{})
				done <- err
			}()
			select {
			case err := <-done:
				if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s from %s: %v", name, path, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s from %s: still reading", name, path)
			}
		}
	}
}

// TestFilesOpenToOthers checks the warning for a file with a secret that other users may read, for every setting that
// names such a file.
func TestFilesOpenToOthers(t *testing.T) {
	t.Parallel()
	c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	certificate := write(t, "sp.pem", pemOf(t, c))
	secret := write(t, "secret", []byte("s3cret-value-0815"))
	token := write(t, "token", []byte("eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"))
	reader := []string{"AZURE_TENANT_ID", testTenant, "AZURE_CLIENT_ID", testClient}
	for name, test := range map[string]struct {
		path        string
		settings    Settings
		environment []string
		silent      bool
	}{
		"certificate": {path: certificate, settings: with(application(), func(s *Settings) { s.CertificatePath = hcl("client_certificate_path", certificate) })},
		"secret":      {path: secret, settings: with(application(), func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", secret) })},
		"OIDC token":  {path: token, settings: with(application(), func(s *Settings) { s.UseOIDC, s.OIDCTokenFilePath = useOIDC, hcl("oidc_token_file_path", token) })},
		"OIDC token of the environment": {path: token, settings: with(application(), func(s *Settings) {
			s.UseOIDC, s.OIDCTokenFilePath = useOIDC, env("oidc_token_file_path", "ARM_OIDC_TOKEN_FILE_PATH", token)
		})},
		"OIDC token for the workspace": {path: token, settings: with(Settings{}, func(s *Settings) {
			s.Host, s.DatabricksClientID = hcl("host",
				"https://adb-1.1.azuredatabricks.net"), hcl("databricks_client_id", testClient)
			s.UseDatabricksOIDC, s.OIDCTokenFilePath = hcl("use_databricks_oidc", "true"), hcl("oidc_token_file_path",
				token)
		})},
		"OIDC token of the vault's reader": {path: token, settings: with(application(), vaultOf("oidc"), func(s *Settings) {
			s.OIDCTokenFilePath = hcl("oidc_token_file_path", token)
		}), environment: reader},
		"certificate of the vault's reader": {path: certificate, settings: with(application(), vaultOf("environment")),
			environment: append(reader[:4:4], "AZURE_CLIENT_CERTIFICATE_PATH", certificate)},
		"OIDC token that another setting beats": {path: token, silent: true, settings: with(application(), func(s *Settings) {
			s.UseOIDC, s.OIDCToken = useOIDC, hcl("oidc_token", "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl")
			s.OIDCTokenFilePath = env("oidc_token_file_path", "ARM_OIDC_TOKEN_FILE_PATH", token)
		})},
		"token that Kubernetes puts into a pod": {path: token, silent: true, settings: with(application(), func(s *Settings) {
			s.UseOIDC, s.UseAKSWorkloadIdentity = useOIDC, hcl("use_aks_workload_identity", "true")
		}), environment: append(reader[:4:4], "AZURE_FEDERATED_TOKEN_FILE", token)},
	} {
		for _, mode := range []os.FileMode{0o600, 0o400, 0o644, 0o640, 0o604} {
			if err := os.Chmod(test.path, mode); err != nil {
				t.Fatal(err)
			}
			warnings := open(t, test.settings, Options{LookupEnv: variables(test.environment...)}).Warnings
			if want := mode&0o077 != 0 && !test.silent; want != (len(warnings) == 1) {
				t.Errorf("%s with mode %o: %+v", name, mode, warnings)
			} else if want && (!strings.HasSuffix(warnings[0].Summary, test.path) ||
				!strings.Contains(warnings[0].Detail, "chmod 600") || warnings[0].Attribute == "") {
				t.Errorf("%s: %+v", name, warnings[0])
			}
		}
	}
}

// TestReaderCertificateEndsSoon checks the warning for a certificate that expires soon, if it belongs to the identity
// that reads a vault.
func TestReaderCertificateEndsSoon(t *testing.T) {
	t.Parallel()
	path := write(t, "reader.pem",
		pemOf(t, newCertificate(t, time.Now().Add(-time.Hour), time.Now().Add(5*24*time.Hour))))
	warnings := open(t, with(application(), vaultOf("environment")), Options{
		LookupEnv: variables("AZURE_TENANT_ID", testTenant, "AZURE_CLIENT_ID", testClient,
			"AZURE_CLIENT_CERTIFICATE_PATH", path),
	}).Warnings
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Summary, "Client certificate expires soon") ||
		warnings[0].Attribute != "key_vault.auth" {
		t.Errorf("%+v", warnings)
	}
}
