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

// A path of something that is no file, or no small one, is refused at once.
func TestFilesThatAreNone(t *testing.T) {
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
	for path, says := range map[string]string{pipe: "no regular file", "/dev/zero": "no regular file", link: "no regular file", large: "larger than", dir: "directory"} {
		for name, s := range map[string]Settings{
			"certificate": with(application(), func(s *Settings) { s.CertificatePath = hcl("client_certificate_path", path) }),
			"secret":      with(application(), func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", path) }),
			"OIDC token":  with(application(), func(s *Settings) { s.UseOIDC, s.OIDCTokenFilePath = useOIDC, hcl("oidc_token_file_path", path) }),
			"client ID": with(application(), func(s *Settings) {
				s.ClientID, s.ClientIDFilePath, s.ClientSecret = Setting{}, hcl("client_id_file_path", path), hcl("client_secret", "x")
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

func TestFilesOpenToOthers(t *testing.T) {
	t.Parallel()
	c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	certificate := write(t, "sp.pem", pemOf(t, c))
	secret := write(t, "secret", []byte("s3cret-value-0815"))
	for _, mode := range []os.FileMode{0o600, 0o400, 0o644, 0o640, 0o604} {
		for path, s := range map[string]Settings{
			certificate: with(application(), func(s *Settings) { s.CertificatePath = hcl("client_certificate_path", certificate) }),
			secret:      with(application(), func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", secret) }),
		} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			warnings := open(t, s, Options{}).Warnings
			if want := mode&0o077 != 0; want != (len(warnings) == 1) {
				t.Errorf("%s with mode %o: %+v", path, mode, warnings)
			} else if want && (!strings.HasSuffix(warnings[0].Summary, path) || !strings.Contains(warnings[0].Detail, "chmod 600")) {
				t.Errorf("%+v", warnings[0])
			}
		}
	}
}
