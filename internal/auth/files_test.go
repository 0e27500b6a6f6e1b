package auth

import (
	"strings"
	"testing"
)

func TestValueFiles(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-value-0815"
	id, key := write(t, "id", []byte("\ufeff"+testClient+"\r\n")), write(t, "secret", []byte("\n"+secret+"\n"))
	files := func(s *Settings) {
		s.ClientID = Setting{Attribute: "client_id"}
		s.ClientIDFilePath, s.ClientSecretFilePath = hcl("client_id_file_path", id), hcl("client_secret_file_path", key)
	}
	for name, test := range map[string]struct {
		change func(*Settings)
		source string
	}{
		"files":         {files, "client_secret_file_path"},
		"both the same": {func(s *Settings) { files(s); hclSecret(s); s.ClientID = hcl("client_id", testClient) }, "client_secret_file_path"},
		"HCL over files": {func(s *Settings) {
			hclSecret(s)
			s.ClientSecretFilePath = env("client_secret_file_path", "ARM_CLIENT_SECRET_FILE_PATH", "/no/where")
		}, "client_secret"},
		"file over environment": {func(s *Settings) { files(s); envSecret(s); s.ClientID = env("client_id", "ARM_CLIENT_ID", testTenant) }, "client_secret_file_path"},
	} {
		l, err := Open(with(application(), test.change), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if l.Source != test.source || l.Identity().ClientID != testClient {
			t.Errorf("%s: %v", name, l)
		}
		for _, text := range formats(l, l.Identity(), l.Describe()) {
			if strings.Contains(text, secret) {
				t.Errorf("the secret shows in %s", text)
			}
		}
	}

	dir := t.TempDir()
	for name, test := range map[string]struct {
		change             func(*Settings)
		summary, attribute string
		detail             []string
	}{
		"two secrets": {func(s *Settings) { files(s); s.ClientSecret = hcl("client_secret", "an0ther-secret") }, "Client secret and its file differ", "client_secret_file_path",
			[]string{"The client secret (client_secret) and the client secret in the file", "Remove one of the two " +
				"settings, or make both equal"}},
		"two ids":    {func(s *Settings) { files(s); s.ClientID = hcl("client_id", testTenant) }, "Client ID and its file differ", "client_id_file_path", nil},
		"missing":    {func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", dir+"/x") }, "Cannot read the file of the client secret", "client_secret_file_path", []string{"There is no file " + dir}},
		"missing id": {func(s *Settings) { files(s); s.ClientIDFilePath.Value = "./none" }, "Cannot read the file of the client ID", "client_id_file_path", []string{"./none", " in /"}},
		"directory":  {func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", dir) }, "Cannot read the file of the client secret", "client_secret_file_path", []string{"is a directory"}},
		"empty": {func(s *Settings) {
			s.ClientSecretFilePath = hcl("client_secret_file_path", write(t, "e", []byte(" \n")))
		}, "Cannot read the file of the client secret", "client_secret_file_path", []string{"is empty"}},
		"large": {func(s *Settings) {
			s.ClientSecretFilePath = hcl("client_secret_file_path", write(t, "l", make([]byte, 1<<17)))
		}, "Cannot read the file of the client secret", "client_secret_file_path", []string{"64 KiB"}},
		"not a path": {func(s *Settings) { s.ClientSecretFilePath = hcl("client_secret_file_path", secret) }, "Cannot read the file of the client secret", "client_secret_file_path", []string{"not the client secret itself"}},
		"not an id":  {func(s *Settings) { files(s); s.ClientIDFilePath.Value = key }, "Invalid client ID", "client_id_file_path", nil},
		"of the environment": {func(s *Settings) {
			s.ClientSecretFilePath = env("client_secret_file_path", "ARM_CLIENT_SECRET_FILE_PATH", "/no/where")
		},
			"Cannot read the file of the client secret", "client_secret_file_path",
			[]string{"ARM_CLIENT_SECRET_FILE_PATH in the environment"}},
	} {
		_, err := Open(with(application(), test.change), Options{})
		e := wantError(t, err, test.summary, test.detail...)
		if e.Attribute != test.attribute || strings.Contains(e.Error(), secret) ||
			strings.Contains(e.Error(), "an0ther-secret") {
			t.Errorf("%s: attribute %q: %v", name, e.Attribute, e)
		}
	}
}
