package provider_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const resourceID = "/subscriptions/6a1f2b3c-1111-4222-8333-944455556666/resourceGroups/ml/providers/Microsoft.Databricks/workspaces/models"

// mustFailWith runs a plan that must fail, and demands words in its error.
func mustFailWith(t *testing.T, c *acctest.CLI, says ...string) {
	t.Helper()
	c.MustRun(t, 1, "plan").MustSay(t, says...)
}

// The provider looks up the workspace's address once, and only before the first request to the workspace.
func TestHostThroughResourceManager(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	delete(w.Env, "DBXACCESS_HOST")
	w.Env["DATABRICKS_AZURE_RESOURCE_ID"] = resourceID
	w.Tenant.PublishWorkspace(w.Workspace, resourceID, w.Deployer.ClientID)
	c := w.CLI(t, whoAmI+`output "host" { value = data.dbxaccess_current_identity.me.host }`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	if out := c.MustRun(t, 0, "output", "-raw", "host").Stdout; out != "https://"+w.Workspace.HostName() {
		t.Errorf("the host is %s", out)
	}
	w.Tenant.Journal.Reset()
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
	if n := w.Count("arm", "GET", ""); n != 1 {
		t.Errorf("%d requests to Azure Resource Manager, not one", n)
	}

	// A throttled lookup is repeated.
	w.Tenant.Faults.Add(emulator.Fault{Service: "arm", Method: "GET", Path: "/subscriptions/**", Status: 429,
		RetryAfter: 1})
	c.MustRun(t, 0, "plan", "-detailed-exitcode")
}

func TestHostThroughResourceManagerRefused(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	delete(w.Env, "DBXACCESS_HOST")
	w.Env["DATABRICKS_AZURE_RESOURCE_ID"] = resourceID
	w.Tenant.PublishWorkspace(w.Workspace, resourceID) // nobody may read the resource
	mustFailWith(t, w.CLI(t, whoAmI), "Cannot find the workspace's address", "AuthorizationFailed",
		"needs the role Reader",
		"the refused caller: certificate login from ARM_CLIENT_CERTIFICATE_PATH in the environment, client id "+
			w.Deployer.ClientID+", tenant "+w.Tenant.ID)
	// An identity that may read some resources learns which one does not exist.
	w.Tenant.PublishWorkspace(w.Workspace, resourceID, w.Deployer.ClientID)
	w.Env["DATABRICKS_AZURE_RESOURCE_ID"] = strings.Replace(resourceID, "models", "other", 1)
	mustFailWith(t, w.CLI(t, whoAmI), "Cannot find the workspace's address", "NotFound", "azure_workspace_resource_id")
	w.Env["DATABRICKS_AZURE_RESOURCE_ID"] = "/subscriptions/x"
	mustFailWith(t, w.CLI(t, whoAmI), "Bad value for the provider", "DATABRICKS_AZURE_RESOURCE_ID in the environment")
}

// Each resource stores its workspace's id, whichever answers of the workspace contain that id.
func TestWorkspaceIDWhereverItIsSaid(t *testing.T) {
	t.Parallel()
	for name, switches := range map[string]emulator.WorkspaceSwitches{
		"on each answer":              {},
		"on the current user alone":   {OrgIDHeader: emulator.OrgIDOnMe, HostMetadata: emulator.HostMetadataMissing},
		"in the host's configuration": {OrgIDHeader: emulator.OrgIDNowhere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.SetSwitches(switches)
			config := map[string]any{"endpoint_name": w.EndpointName, "service_principal_name": w.Deployer.ClientID}
			made := w.Protocol(t).MustApply(t, "dbxaccess_serving_endpoint_permission", acctest.Object{}, config)
			read := w.Protocol(t).MustRefresh(t, "dbxaccess_serving_endpoint_permission", made)
			for what, state := range map[string]map[string]any{"create": made.State, "refresh": read.State,
				"create's identity": made.Identity} {
				if state["workspace_id"] != w.Workspace.ID() {
					t.Errorf("%s: workspace_id is %v", what, state["workspace_id"])
				}
			}
		})
	}
}

// A host copied from a browser names the workspace. The id of another workspace is an error, and nothing changes.
func TestHostWithWorkspaceID(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	host := w.Env["DBXACCESS_HOST"]
	w.Env["DBXACCESS_HOST"] = host + "/?o=" + w.Workspace.ID()
	c := w.CLI(t, `
resource "dbxaccess_serving_endpoint_permission" "p" {
  endpoint_name          = "`+w.EndpointName+`"
  service_principal_name = "`+w.Deployer.ClientID+`"
}
`)
	c.MustRun(t, 0, "apply", "-auto-approve")
	before, snapshot := c.State(t), w.Workspace.Snapshot()
	for env, says := range map[[2]string]string{
		{host + "/?o=12", ""}:                          "Workspace ID 12 of the request",
		{host + "/?o=12", w.Workspace.ID()}:            "Host and workspace_id name two workspaces",
		{host + "/?o=twelve", ""}:                      "it is not the id of a workspace",
		{"https://adb-12.1.azuredatabricks.net", "13"}: "Host and workspace_id name two workspaces",
	} {
		w.Env["DBXACCESS_HOST"], w.Env["DATABRICKS_WORKSPACE_ID"] = env[0], env[1]
		for _, command := range []string{"plan", "destroy"} {
			args := []string{command}
			if command == "destroy" {
				args = append(args, "-auto-approve")
			}
			c.MustRun(t, 1, args...).MustSay(t, says)
		}
		if c.State(t) != before || !reflect.DeepEqual(w.Workspace.Snapshot(), snapshot) {
			t.Errorf("%v: something has changed", env)
		}
	}
}

// A Contributor of the Azure resource gets in with azure_workspace_admin_login, and only with it.
func TestAdminLogin(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	w.Proxied()
	w.Workspace.RemovePrincipal(w.Deployer.ClientID)
	w.Workspace.SetAzureResource(resourceID, w.Deployer.ClientID)
	w.Env["DATABRICKS_AZURE_RESOURCE_ID"] = resourceID
	mustFailWith(t, w.CLI(t, whoAmI), "Unauthorized access to workspace", "azure_workspace_admin_login = true",
		"azure_workspace_resource_id")

	c := w.CLI(t, strings.Replace(whoAmI, "# BLOCK", "azure_workspace_admin_login = true", 1))
	c.MustRun(t, 0, "apply", "-auto-approve")
	admin := false
	for _, g := range w.Workspace.Snapshot().Groups {
		if g.Name == "admins" {
			for _, m := range g.Members {
				admin = admin || m == w.Deployer.ClientID
			}
		}
	}
	if !admin {
		t.Error("the deployer is not an admin of the workspace")
	}

	delete(w.Env, "DATABRICKS_AZURE_RESOURCE_ID")
	mustFailWith(t, w.CLI(t, strings.Replace(whoAmI, "# BLOCK", "azure_workspace_admin_login = true", 1)),
		"Admin login without a resource id")
}

// The host's suffix determines the cloud, and so the login host. A contradiction is an error.
func TestClouds(t *testing.T) {
	t.Parallel()
	for cloud, at := range map[string]struct{ host, login string }{
		"usgovernment": {"adb-1234567890123456.7.databricks.azure.us", "login.microsoftonline.us"},
		"china":        {"adb-1234567890123456.7.databricks.azure.cn", "login.chinacloudapi.cn"},
	} {
		host, login := at.host, at.login
		t.Run(cloud, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Workspace.SetHostName(host)
			w.Proxied()
			c := w.CLI(t, whoAmI)
			c.MustRun(t, 0, "apply", "-auto-approve")
			if state := c.State(t); !strings.Contains(state, `"cloud": "`+cloud+`"`) {
				t.Errorf("the cloud is not %s:\n%s", cloud, state)
			}
			asked := false
			for _, e := range w.Tenant.Journal.Entries() {
				asked = asked || e.Service == "proxy" && strings.Contains(e.Path, login)
			}
			if !asked {
				t.Errorf("nobody asked %s: %v", login, w.Tenant.Journal.Entries())
			}
			w.Env["ARM_ENVIRONMENT"] = "public"
			mustFailWith(t, c, "Environment contradicts the workspace's address",
				host[strings.Index(host, ".databricks"):])
		})
	}
}

// A value that is known only after an apply is no error until a request must be sent.
func TestUnknownProviderValues(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	host := w.Env["DBXACCESS_HOST"]
	delete(w.Env, "DBXACCESS_HOST")
	block := strings.Split(whoAmI, "data ")[0]
	made := "resource \"terraform_data\" \"host\" {\n  input = \"" + host + "\"\n}\n"
	c := w.CLI(t, made+strings.Replace(block, "# BLOCK", "host = terraform_data.host.output", 1)+`
resource "dbxaccess_service_principal" "scoring" {
  application_id = "`+w.ScoringApp.ClientID+`"
}
`)
	c.MustRun(t, 2, "plan", "-detailed-exitcode")
	if n := len(w.Tenant.Journal.Entries()); n != 0 {
		t.Errorf("%d requests although the host is not known", n)
	}
	c.MustRun(t, 0, "apply", "-auto-approve")
	c.MustRun(t, 0, "plan", "-detailed-exitcode")

	mustFailWith(t, w.CLI(t, made+strings.Replace(block, "# BLOCK", "host = terraform_data.host.output", 1)+`
ephemeral "dbxaccess_entra_token" "t" {}
data "dbxaccess_current_identity" "me" {}
`), "Provider is not configured yet", "host in the provider block has a value that is known only after apply")
}

// A credential in the provider block overrides other kinds in the environment, and one line of the log says so.
func TestBlockBeatsEnvironment(t *testing.T) {
	t.Parallel()
	w := acctest.New(t) // its environment has a certificate
	c := w.CLI(t, strings.Replace(whoAmI, "# BLOCK", "client_secret = var.secret", 1)+`
variable "secret" {
  type      = string
  ephemeral = true
}
output "how" { value = "${data.dbxaccess_current_identity.me.auth_type} from ${data.dbxaccess_current_identity.me.auth_source}" }
`)
	c.Env["TF_VAR_secret"] = w.DeployerSecret
	c.Env["TF_LOG"] = "info"
	r := c.MustRun(t, 0, "apply", "-auto-approve")
	if out := c.MustRun(t, 0, "output", "-raw", "how").Stdout; out != "client_secret from client_secret" {
		t.Errorf("logged in by %s", out)
	}
	for _, words := range []string{"a credential in the environment is ignored", "ARM_CLIENT_CERTIFICATE_PATH in " +
		"the environment", "login: ", "tenant_id=" + w.Tenant.ID} {
		if !strings.Contains(r.Stderr, words) {
			t.Errorf("the log does not say %q", words)
		}
	}

	c = w.CLI(t, strings.Replace(whoAmI, "# BLOCK", `auth_type = "client_secret"`, 1))
	mustFailWith(t, c, "client_secret", "certificate")
}
