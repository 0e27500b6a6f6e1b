package provider_test

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Every folder of examples is planned, so that what the documentation shows runs.
func TestExamplesPlan(t *testing.T) {
	t.Parallel()
	const source = "terraform {\n  required_providers {\n    dbxaccess = { source = \"dbxaccess/dbxaccess\" }\n  }\n}\n"
	folders := map[string]string{} // folder → its HCL
	err := filepath.WalkDir("../../examples", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" {
			return err
		}
		text, err := os.ReadFile(path)
		folders[filepath.Dir(path)] += string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < 5 {
		t.Fatalf("only %d folders with examples found", len(folders))
	}
	for folder, hcl := range folders {
		t.Run(strings.TrimPrefix(folder, "../../examples/"), func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(hcl, "required_providers") { // pages of resources leave it out
				hcl = source + hcl
			}
			w := acctest.New(t)
			pfx, err := os.ReadFile(w.Env["ARM_CLIENT_CERTIFICATE_PATH"])
			if err != nil {
				t.Fatal(err)
			}
			c := w.CLI(t, hcl)
			for name, value := range map[string]string{
				"application_id": w.ScoringApp.ClientID, "client_secret": w.ScoringSecret,
				"scoring_application_id": w.ScoringApp.ClientID, "scoring_client_secret": w.ScoringSecret,
				"token": w.PersonToken, "client_certificate": base64.StdEncoding.EncodeToString(pfx), "client_certificate_password": acctest.Password,
			} {
				c.Env["TF_VAR_"+name] = value
			}
			if r := c.Run(t, "plan", "-detailed-exitcode"); r.Code == 1 {
				t.Errorf("%s\n%s", r.Stdout, r.Stderr)
			}
		})
	}
}
