package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	text, number := types.StringValue, types.Int64Value
	for name, test := range map[string]struct {
		hcl   block
		env   map[string]string
		check func(config) (got, want any)
	}{
		"HCL beats the environment": {
			block{"host": text("adb-1.1.azuredatabricks.net")}, map[string]string{"DBXACCESS_HOST": "https://other.example"},
			func(c config) (any, any) { return c.Host, "https://adb-1.1.azuredatabricks.net" },
		},
		"our variable beats Databricks' own": {
			block{}, map[string]string{"DATABRICKS_HOST": "https://b.example", "DBXACCESS_HOST": "https://a.example"},
			func(c config) (any, any) { return c.Host, "https://a.example" },
		},
		"an empty variable counts as unset": {
			block{}, map[string]string{"DATABRICKS_HOST": "https://b.example", "DBXACCESS_HOST": ""},
			func(c config) (any, any) { return c.Host, "https://b.example" },
		},
		"path and case of a host are dropped": {
			block{"host": text("https://ADB-1.1.AzureDatabricks.net/?o=1")}, nil,
			func(c config) (any, any) { return c.Host, "https://adb-1.1.azuredatabricks.net" },
		},
		"o of a host is the workspace's id": {
			block{"host": text("https://westeurope.azuredatabricks.net/?o=7405605519549535#workspace")}, nil,
			func(c config) (any, any) {
				return [2]string{c.Host, c.WorkspaceID}, [2]string{"https://westeurope.azuredatabricks.net",
					"7405605519549535"}
			},
		},
		"o of a bare host": {
			block{}, map[string]string{"DATABRICKS_HOST": "adb-1.1.azuredatabricks.net?o=1"},
			func(c config) (any, any) {
				return [2]string{c.Host, c.WorkspaceID}, [2]string{"https://adb-1.1.azuredatabricks.net", "1"}
			},
		},
		"a host without o": {
			block{"host": text("https://adb-1.1.azuredatabricks.net/?x=2")}, nil,
			func(c config) (any, any) { return c.WorkspaceID, "" },
		},
		"o and the same id": {
			block{"host": text("https://x.azuredatabricks.net/?o=1"), "workspace_id": text("1")}, nil,
			func(c config) (any, any) { return [2]any{c.WorkspaceID, len(c.problems)}, [2]any{"1", 0} },
		},
		"the second name of a certificate's path": {
			block{}, map[string]string{"ARM_CLIENT_CERTIFICATE_FILE_PATH": "/x.pfx"},
			func(c config) (any, any) {
				return c.Login.CertificatePath, auth.Setting{Value: "/x.pfx", Attribute: "client_certificate_path",
					Env: "ARM_CLIENT_CERTIFICATE_FILE_PATH"}
			},
		},
		"a setting knows that it was written": {
			block{"client_secret": text("s")}, map[string]string{"ARM_CLIENT_SECRET": "other"},
			func(c config) (any, any) {
				return c.Login.ClientSecret, auth.Setting{Value: "s", Attribute: "client_secret"}
			},
		},
		"defaults": {
			block{}, nil,
			func(c config) (any, any) {
				return [3]any{c.HTTPTimeout, c.RetryTimeout, c.RateLimit}, [3]any{time.Minute, 5 * time.Minute, 0}
			},
		},
		"numbers from both sides": {
			block{"http_timeout_seconds": number(7)}, map[string]string{"DBXACCESS_HTTP_TIMEOUT_SECONDS": "8",
				"DBXACCESS_RETRY_TIMEOUT_SECONDS": "9", "DATABRICKS_RATE_LIMIT": "10"},
			func(c config) (any, any) {
				return [3]any{c.HTTPTimeout, c.RetryTimeout, c.RateLimit}, [3]any{7 * time.Second, 9 * time.Second, 10}
			},
		},
		"flags": {
			block{"disable_instance_discovery": types.BoolValue(
				false)}, map[string]string{"ARM_DISABLE_INSTANCE_DISCOVERY": "true", "DBXACCESS_CLIENT_CERTIFICATE_SEND_CHAIN": "true"},
			func(c config) (any, any) {
				return [2]bool{c.Login.DisableInstanceDiscovery, c.Login.SendChain}, [2]bool{false, true}
			},
		},
		"an owner's login takes tenant and authority from the provider's": {
			block{"tenant_id": text("contoso.example"), "authority_host": text("https://login.example")}, nil,
			func(c config) (any, any) {
				s := c.completeLogin(auth.Settings{TenantID: auth.Setting{Attribute: "owner.tenant_id"}})
				return [2]string{s.TenantID.Value, s.AuthorityHost.Value},
					[2]string{"contoso.example", "https://login.example"}
			},
		},
		"an owner's own tenant stays": {
			block{"tenant_id": text("contoso.example")}, nil,
			func(c config) (any, any) {
				return c.completeLogin(auth.Settings{TenantID: auth.Setting{Value: "fabrikam.example"}}).TenantID.Value,
					"fabrikam.example"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := test.check(test.hcl.resolve(env(test.env))); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// No validator sees a value from the environment, so resolve checks it and names the variable.
func TestResolveChecksTheEnvironment(t *testing.T) {
	t.Parallel()
	good := map[string]string{"DBXACCESS_HOST": "https://adb-1.1.azuredatabricks.net"}
	if problems := block(nil).resolve(env(good)).problems; len(problems) > 0 {
		t.Errorf("problems of a good environment: %v", problems)
	}
	for name, value := range map[string]string{
		"DATABRICKS_HOST": "http://adb-1.1.azuredatabricks.net", "DATABRICKS_WORKSPACE_ID": "adb-1", "DATABRICKS_RATE_LIMIT": "0",
		"DBXACCESS_HTTP_TIMEOUT_SECONDS": "1m", "ARM_DISABLE_INSTANCE_DISCOVERY": "perhaps",
	} {
		bad := map[string]string{name: value}
		if name != "DATABRICKS_HOST" {
			bad["DBXACCESS_HOST"] = good["DBXACCESS_HOST"]
		}
		problems := block{}.resolve(env(bad)).problems
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), name) {
			t.Errorf("%s=%s: %v", name, value, problems)
		}
	}
}

// A host and a workspace id of different workspaces are an error that names both, and where each is set.
func TestResolveRefusesTwoWorkspaces(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hcl  block
		env  map[string]string
		says []string
	}{
		"o and workspace_id": {
			block{"host": types.StringValue("https://x.azuredatabricks.net/?o=1"),
				"workspace_id": types.StringValue("2")}, nil,
			[]string{"host names workspace 1", "workspace_id names workspace 2"},
		},
		"o in HCL, id in the environment": {
			block{"host": types.StringValue(
				"https://x.azuredatabricks.net/?o=1")}, map[string]string{"DATABRICKS_WORKSPACE_ID": "2"},
			[]string{"host names workspace 1", "DATABRICKS_WORKSPACE_ID in the environment names workspace 2"},
		},
		"o in the environment": {
			block{"workspace_id": types.StringValue(
				"2")}, map[string]string{"DATABRICKS_HOST": "https://x.azuredatabricks.net/?o=1"},
			[]string{"DATABRICKS_HOST in the environment names workspace 1", "workspace_id names workspace 2"},
		},
		"the name of the host and o": {
			block{"host": types.StringValue("https://adb-3.7.azuredatabricks.net/?o=1")}, nil,
			[]string{"adb-3.7.azuredatabricks.net is the address of workspace 3", "?o= names workspace 1"},
		},
		"the name of the host and workspace_id": {
			block{"host": types.StringValue("https://adb-3.7.azuredatabricks.net"),
				"workspace_id": types.StringValue("2")}, nil,
			[]string{"host names workspace 3", "workspace_id names workspace 2"},
		},
		"o that is no id": {
			block{}, map[string]string{"DATABRICKS_HOST": "https://x.azuredatabricks.net/?o=abc"},
			[]string{"DATABRICKS_HOST", "not the id of a workspace"},
		},
	} {
		problems := tc.hcl.resolve(env(tc.env)).problems
		if len(problems) != 1 {
			t.Errorf("%s: %v", name, problems)
			continue
		}
		for _, words := range tc.says {
			if !strings.Contains(problems[0].Error(), words) {
				t.Errorf("%s: it does not say %q: %s", name, words, problems[0])
			}
		}
	}
}

func TestCheckHost(t *testing.T) {
	t.Parallel()
	for host, good := range map[string]bool{
		"adb-1.1.azuredatabricks.net": true, "https://adb-1.1.azuredatabricks.net/": true, "http://127.0.0.1:8080": true, "http://localhost:8080": true, "http://[::1]:80": true,
		"https://adb-1.1.azuredatabricks.net/?o=1": true, "https://adb-1.1.azuredatabricks.net/?o=": true, "https://adb-1.1.azuredatabricks.net/?o=one": false, "https://adb-1.1.azuredatabricks.net/?o=2": false,
		"": false, "http://adb-1.1.azuredatabricks.net": false, "ftp://adb-1.1.azuredatabricks.net": false, "https://": false, "https://accounts.azuredatabricks.net": false, "a b": false, "adb-1.1.azuredatabricks.com": false, "adb-1.1.privatelink.azuredatabricks.net": true,
	} {
		if err := checkHost(host); (err == nil) != good {
			t.Errorf("checkHost(%q) = %v", host, err)
		}
	}
}

// The workspace's resource id becomes the path of a request with a token, so it must not change the request's target.
func TestResourceIDStaysAPath(t *testing.T) {
	t.Parallel()
	const before = "/subscriptions/6a1f2b3c-1111-4222-8333-944455556666/resourceGroups/"
	const between = "/providers/Microsoft.Databricks/workspaces/"
	for _, id := range []string{before + "ml" + between + "models", before + "rg-1_(a).b" + between + "m-2",
		strings.ToUpper(before + "ml" + between + "models")} {
		if err := checkResourceID(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range []string{
		before + "ml" + between + "models?x=y", before + "ml" + between + "models#", before + ".." + between +
			"models", before + "ml" + between + "..", before + "ml" + between + ".",
		before + "ml/../x" + between + "models", before + "m%2fl" + between + "models", before + "m l" + between +
			"models", before + "m\nl" + between + "models", before + `m\l` + between + "models",
		before + "ml" + between + "models\n", before + "@elsewhere.example" + between + "models", "@elsewhere.example" +
			before + "ml" + between + "models",
	} {
		if err := checkResourceID(id); err == nil {
			t.Errorf("%q was accepted", id)
		}
	}
}
