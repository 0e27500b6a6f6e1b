package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// Provokes the messages of the CLI that the page "When it fails" lists, and compares each with the page.
func TestMessagesOfTheCLI(t *testing.T) {
	t.Parallel()
	acctest.NeedsTerraform(t, "1.11.0", "the messages") // OpenTofu words some messages differently
	w := acctest.New(t)
	principal := fmt.Sprintf("resource \"dbxaccess_service_principal\" \"a\" {\n  application_id = %q\n  "+
		"display_name = \"a\"\n}\n", w.ScoringApp.ClientID)
	const versioned = "terraform {\n  required_providers {\n    dbxaccess = {\n      source = \"dbxaccess/dbxaccess\"\n      version = %q\n    }\n  }\n}\n"
	const lock = ".terraform.lock.hcl"
	installed := func(t *testing.T) *acctest.CLI {
		c := w.CLI(t, "data \"dbxaccess_current_identity\" \"me\" {}\n")
		c.Installs(t)
		c.Process = true // the lock file holds only a provider that the CLI starts
		return c
	}
	provoke := map[string]func(t *testing.T) acctest.Result{
		"Failed to query available provider packages … hashicorp/dbxaccess": func(t *testing.T) acctest.Result {
			c := installed(t)
			c.Rewrite(t, "# no required_providers\n"+principal)
			return c.MustRun(t, 1, "init")
		},
		"Incomplete lock file information for providers": func(t *testing.T) acctest.Result { return installed(t).MustRun(t, 0, "init") },
		"Inconsistent dependency lock file": func(t *testing.T) acctest.Result {
			c := installed(t)
			c.MustRun(t, 0, "init")
			c.Rewrite(t, fmt.Sprintf(versioned, ">= 9.0.0"))
			return c.MustRun(t, 1, "plan")
		},
		"Failed to install provider … doesn't match any of the checksums previously recorded": func(t *testing.T) acctest.Result {
			c := installed(t)
			c.MustRun(t, 0, "init")
			name := filepath.Join(c.Dir, lock)
			other := regexp.MustCompile(`h1:\S{4}`).ReplaceAllString(read(t, name), "h1:0000")
			must(t, os.WriteFile(name, []byte(other), 0o600))
			r := c.MustRun(t, 1, "init", "-upgrade")
			must(t, os.Remove(name)) // as the page advises
			c.MustRun(t, 0, "init")
			return r
		},
		"Invalid for_each argument": func(t *testing.T) acctest.Result {
			c := w.CLI(t, principal+"resource \"dbxaccess_token_permission\" \"a\" {\n  for_each = "+
				"toset([dbxaccess_service_principal.a.id])\n  service_principal_name = each.key\n}\n")
			return c.MustRun(t, 1, "plan")
		},
		"Invalid provider configuration … requires explicit configuration": func(t *testing.T) acctest.Result {
			c := w.CLI(t, principal)
			c.Env["ARM_CLIENT_ID"] = "not an id"
			return c.MustRun(t, 1, "plan")
		},
		"Invalid Attribute Value": func(t *testing.T) acctest.Result {
			c := w.CLI(t, "resource \"dbxaccess_serving_endpoint_permission\" \"a\" {\n  endpoint_name = "+
				"\"iris\"\n  group_name = \"readers\"\n  permission_level = \"CAN_READ\"\n}\n")
			return c.MustRun(t, 1, "validate")
		},
		"Invalid use of ephemeral value": func(t *testing.T) acctest.Result {
			c := w.CLI(t, "ephemeral \"dbxaccess_entra_token\" \"a\" {}\nresource \"terraform_data\" \"a\" {\n  "+
				"input = ephemeral.dbxaccess_entra_token.a.access_token\n}\n")
			return c.MustRun(t, 1, "validate")
		},
		"Output refers to sensitive values": func(t *testing.T) acctest.Result {
			c := w.CLI(t, fmt.Sprintf("resource \"dbxaccess_service_principal_oauth_secret\" \"a\" {\n  "+
				"application_id = %q\n}\noutput \"a\" {\n  value = "+
				"dbxaccess_service_principal_oauth_secret.a.secret_value\n}\n", w.ScoringApp.ClientID))
			return c.MustRun(t, 1, "plan")
		},
		"Provider configuration not present": func(t *testing.T) acctest.Result {
			const alias = "provider \"dbxaccess\" {\n  alias = \"test\"\n}\n"
			c := w.CLI(t, alias+strings.Replace(principal, "{\n", "{\n  provider = dbxaccess.test\n", 1))
			c.MustRun(t, 0, "apply", "-auto-approve")
			c.Rewrite(t, "# nothing\n")
			return c.MustRun(t, 1, "plan")
		},
		"Resource postcondition failed": func(t *testing.T) acctest.Result {
			c := w.CLI(t, "data \"dbxaccess_current_identity\" \"me\" {\n  lifecycle {\n    postcondition {\n      "+
				"condition = self.display_name == \"somebody\"\n      error_message = \"It is another "+
				"one.\"\n    }\n  }\n}\n")
			return c.MustRun(t, 1, "plan")
		},
		"Saved plan is stale": func(t *testing.T) acctest.Result {
			c := w.CLI(t, "resource \"terraform_data\" \"a\" {}\n")
			c.MustRun(t, 0, "plan", "-out=tfplan")
			c.MustRun(t, 0, "apply", "tfplan")
			return c.MustRun(t, 1, "apply", "tfplan")
		},
	}
	_, section, _ := strings.Cut(read(t, "../../docs/guides/when-it-fails.md"),
		"\n## Messages of Terraform and OpenTofu\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile(`(?m)^\| "(.+?)" \|`).FindAllStringSubmatch(section, -1)
	if len(rows) != len(provoke) {
		t.Errorf("the page has %d rows, and the test %d", len(rows), len(provoke))
	}
	for _, row := range rows {
		t.Run(row[1], func(t *testing.T) {
			t.Parallel()
			happens, known := provoke[row[1]]
			if !known {
				t.Fatal("nothing provokes it")
			}
			r := happens(t)
			said := strings.Join(strings.Fields(strings.NewReplacer("│", "", "╷", "", "╵",
				"").Replace(r.Stdout+r.Stderr)), " ")
			for part := range strings.SplitSeq(row[1], " … ") {
				if !strings.Contains(said, part) {
					t.Errorf("the CLI does not say %q:\n%s", part, said)
				}
			}
		})
	}
}
