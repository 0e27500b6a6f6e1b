package provider_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const mocks = "../../mocks"

// mocked is a configuration that passes ids, times and claims, which only the workspace knows, to attributes that the
// provider checks.
const mocked = `
provider "dbxaccess" {}

data "dbxaccess_current_identity" "deployer" {}

data "dbxaccess_serving_endpoint" "iris" {
  name = "iris"
}

resource "dbxaccess_service_principal" "app" {
  display_name = "app"
}

resource "dbxaccess_group_member" "app" {
  group_name     = "scorers"
  application_id = dbxaccess_service_principal.app.application_id
}

resource "dbxaccess_token_permission" "app" {
  service_principal_name = dbxaccess_service_principal.app.application_id
}

resource "dbxaccess_serving_endpoint_permission" "app" {
  endpoint_name          = data.dbxaccess_serving_endpoint.iris.name
  endpoint_id            = data.dbxaccess_serving_endpoint.iris.id
  service_principal_name = dbxaccess_service_principal.app.application_id
}

resource "dbxaccess_serving_endpoint_permissions_exclusive" "rose" {
  endpoint_name      = "rose"
  service_principals = { (dbxaccess_service_principal.app.application_id) = dbxaccess_serving_endpoint_permission.app.permission_level }
}

resource "dbxaccess_service_principal_token" "app" {
  owner = {
    application_id   = dbxaccess_service_principal.app.application_id
    client_secret_wo = "not asked for"
  }
}

output "renew_by" {
  value = timeadd(dbxaccess_service_principal_token.app.rotate_at, "-24h")
}

output "tenant" {
  value = jsondecode(data.dbxaccess_current_identity.deployer.token_claims).tid
}

output "certificate_is_good" {
  value = timecmp(data.dbxaccess_current_identity.deployer.certificate_expires_at, plantimestamp()) > 0
}
`

const mockedTest = `
mock_provider "dbxaccess" {
  source = "./mocks"
}

run "plan" {
  command = plan
}

run "apply" {
  assert {
    condition     = dbxaccess_service_principal.app.active && dbxaccess_service_principal.app.on_destroy == "delete"
    error_message = "The service principal does not have the defaults."
  }
  assert {
    condition     = dbxaccess_serving_endpoint_permission.app.permission_level == "CAN_QUERY"
    error_message = "The grant does not have the default level."
  }
  assert {
    condition     = output.renew_by == "2030-03-01T00:00:00Z" && output.certificate_is_good && length(output.tenant) == 36
    error_message = "The outputs cannot be computed with."
  }
}
`

// The shipped mocks make a configuration testable without a workspace and a login: no request is sent.
func TestMocks(t *testing.T) {
	t.Parallel()
	needsMocks(t)
	w := acctest.New(t)
	cli := w.CLI(t, mocked)
	for name := range w.Env { // leaves no credentials
		delete(w.Env, name)
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(cli.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mocks/dbxaccess.tfmock.hcl", read(t, filepath.Join(mocks, "dbxaccess.tfmock.hcl")))
	write("tests/main.tftest.hcl", mockedTest)
	cli.MustRun(t, 0, "test").MustSay(t, "2 passed, 0 failed")

	// Without the mocks Terraform generates values that the provider refuses.
	write("tests/main.tftest.hcl", strings.Replace(mockedTest, `source = "./mocks"`, "", 1))
	cli.MustRun(t, 1, "test")
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// needsMocks skips a test of the shipped mocks on OpenTofu, which cannot use them.
func needsMocks(t *testing.T) {
	t.Helper()
	if acctest.IsOpenTofu(t) {
		t.Skip("mock_provider of OpenTofu has no source, and a mocked resource with a write-only value cannot " +
			"be destroyed")
	}
}

// Every computed attribute has a mock value, and no other attribute has one. Lists of objects cannot have one.
func TestMocksAreComplete(t *testing.T) {
	t.Parallel()
	type schemas map[string]struct {
		Block struct {
			Attributes map[string]struct {
				Computed bool            `json:"computed"`
				Type     json.RawMessage `json:"type"` // nil for nested attributes
			} `json:"attributes"`
		} `json:"block"`
	}
	var golden struct {
		Providers map[string]struct {
			Resources   schemas `json:"resource_schemas"`
			DataSources schemas `json:"data_source_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal([]byte(read(t, "../house/testdata/schema.json")), &golden); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, provider := range golden.Providers {
		for kind, all := range map[string]schemas{"mock_resource": provider.Resources,
			"mock_data": provider.DataSources} {
			for typeName, schema := range all {
				for name, attribute := range schema.Block.Attributes {
					if attribute.Computed && len(attribute.Type) > 0 {
						want[kind+" "+typeName+" "+name] = true
					}
				}
			}
		}
	}
	block := ""
	for line := range strings.Lines(read(t, filepath.Join(mocks, "dbxaccess.tfmock.hcl"))) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 3 && fields[2] == "{" && fields[1] != "=":
			block = fields[0] + " " + strings.Trim(fields[1], `"`)
		case strings.HasPrefix(line, "    ") && len(fields) > 2 && fields[1] == "=":
			if name := block + " " + fields[0]; want[name] {
				delete(want, name)
			} else {
				t.Errorf("%s: the provider does not fill that in, or it stands there twice", name)
			}
		}
	}
	for name := range want {
		t.Errorf("%s has no value", name)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
