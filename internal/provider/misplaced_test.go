package provider

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// misplaced holds one secret of each form that somebody may write in the wrong place.
var misplaced = map[string]string{
	"Databricks token":  "dapi5f3a9c7e1b2d4860a1c3e5f7092b4d6e",
	"OAuth secret":      "dose5f3a9c7e1b2d4860a1c3e5f7092b4d6e00",
	"Entra secret":      "k9T8Q~wZ.x_3vB-7nLq2Rs5Yt8Ue1Ha4Gc6Fd0Pm",
	"JWT":               "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtaXNwbGFjZWQiLCJuYW1lIjoiYSBuYW1lIHRoYXQgaXMgbG9uZyBlbm91Z2gifQ.c2lnbmF0dXJlLW9mLW1pc3BsYWNlZA",
	"PFX in base64":     strings.Repeat("MIIKfgIBAzCCCjQGCSqGSIb3DQEHAaCCCiUEggohMIIKHTCC/Bf8+", 8) + "==",
	"key in PEM":        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7Hq9v2Lr\n-----END PRIVATE KEY-----\n",
	"passphrase":        "Misplaced battery staple/horse 42",
	"base64 with slash": "/k7Jx2mQ9wZ4tV8bN1cR5yH3gF6dS0aP/uE+iO7lK2j=",
	"token in a URL":    "https://user:m1splaced-t0ken-value@adb-1.1.azuredatabricks.net",
}

// machines returns environments of different machines. Each setting takes effect in at least one of them.
func machines(t *testing.T) map[string]map[string]string {
	t.Helper()
	ids := map[string]string{"ARM_TENANT_ID": "contoso.example",
		"ARM_CLIENT_ID": "11111111-2222-4333-8444-555555555555"}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{"DBXACCESS_HOST": "https://adb-1.1.azuredatabricks.net"}
		maps.Copy(all, ids)
		maps.Copy(all, more)
		return all
	}
	return map[string]map[string]string{
		"secret":      with(map[string]string{"ARM_CLIENT_SECRET": "a~right-secret"}),
		"certificate": with(map[string]string{"ARM_CLIENT_CERTIFICATE_PATH": "nothing.pfx"}),
		"vault": with(map[string]string{
			"DBXACCESS_KEY_VAULT_VAULT_URI": "https://kv-ml.vault.azure.net", "DBXACCESS_KEY_VAULT_AUTH": "environment", "DBXACCESS_KEY_VAULT_CLIENT_SECRET_NAME": "s",
			"AZURE_TENANT_ID": "contoso.example", "AZURE_CLIENT_ID": ids["ARM_CLIENT_ID"], "AZURE_CLIENT_SECRET": "another~secret",
		}),
		"managed vault": with(map[string]string{
			"DBXACCESS_KEY_VAULT_VAULT_URI": "https://kv-ml.vault.azure.net", "DBXACCESS_KEY_VAULT_AUTH": "msi", "DBXACCESS_KEY_VAULT_CERTIFICATE_NAME": "s",
		}),
		"GitHub": with(map[string]string{"ARM_USE_OIDC": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://github.example/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "a-request-token"}),
		"Azure DevOps": with(map[string]string{
			"ARM_USE_OIDC": "true", "ARM_OIDC_REQUEST_URL": "https://dev.azure.example/oidctoken", "ARM_OIDC_REQUEST_TOKEN": "a-request-token", "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "c",
		}),
		"Databricks": {"DBXACCESS_HOST": "https://adb-1.1.azuredatabricks.net", "DATABRICKS_TOKEN": "dapi-right"},
		"nothing":    {},
		"resource": {
			"DATABRICKS_AZURE_RESOURCE_ID": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Databricks/workspaces/name",
			"ARM_TENANT_ID":                "contoso.example", "ARM_CLIENT_ID": ids["ARM_CLIENT_ID"], "ARM_CLIENT_SECRET": "a~right-secret",
		},
	}
}

// nobody is a network in which no host has an address. Its errors name the host, as real ones do.
type nobody struct{}

func (nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Hostname(),
		IsNotFound: true}}
}

// use configures the provider and calls the workspace. It returns all messages and the log.
func use(t *testing.T, m block, variables map[string]string) string {
	t.Helper()
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(tflogtest.RootLogger(t.Context(), &log), 2*time.Second)
	defer cancel()
	var diags diag.Diagnostics
	cfg := m.resolve(env(variables))
	cfg.RetryTimeout, cfg.HTTPTimeout = time.Millisecond, time.Second
	_, warnings, err := (&dbxaccess{lookupEnv: env(variables), opened: &client.EphemeralTokens{}}).connect(ctx, cfg)
	if err == nil {
		var options auth.Options
		_, options, err = cfg.openLogin(env(variables))
		options.Transport = nobody{}
		var login *auth.Login
		if err == nil {
			login, err = auth.Open(cfg.Login, options)
		}
		if err == nil {
			var c *client.Client
			c, err = client.New(client.Config{
				Host: cfg.Host, ResourceID: cfg.ResourceID, WorkspaceID: cfg.WorkspaceID, Login: login,
				Transport:      options.Transport,
				AttemptTimeout: time.Second, RetryTimeout: time.Millisecond,
			})
			if err == nil {
				_, err = c.Me(client.WithoutRetry(ctx))
			}
		}
	}
	fwkit.Failed(&diags, err, "Cannot do it", "the provider")
	said := log.String()
	for _, w := range warnings {
		said += w.Summary + "\n" + w.Detail
	}
	for _, d := range diags {
		said += d.Summary() + "\n" + d.Detail()
	}
	return said
}

// A secret in the wrong place is never repeated: neither in the error that refuses it nor, if it passes as a valid
// value, in the errors that it causes.
func TestMisplacedSecretsAreNotRepeated(t *testing.T) {
	t.Parallel()
	var s provider.SchemaResponse
	(&dbxaccess{}).Schema(t.Context(), provider.SchemaRequest{}, &s)
	attributes := slices.Sorted(maps.Keys(s.Schema.Attributes))
	for name := range s.Schema.Attributes["key_vault"].(schema.SingleNestedAttribute).Attributes {
		attributes = append(attributes, "key_vault."+name)
	}
	tried := 0
	for shape, secret := range misplaced {
		for machine, variablesOf := range machines(t) {
			for _, attribute := range attributes {
				for _, variable := range variables(attribute) {
					tried++
					with := maps.Clone(variablesOf)
					with[variable] = secret
					wantNotRepeated(t, fmt.Sprintf("%s in %s of a machine with %s", shape, variable, machine),
						use(t, block{}, with), secret)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("%d settings were tried", tried)
	}
}

// No validator of this provider repeats a secret that stands in the wrong place. Terraform hides a sensitive value when
// it shows the line of the configuration, and a message with the value would undo that.
func TestMisplacedSecretsAreNotRepeatedByValidators(t *testing.T) {
	t.Parallel()
	tried := 0
	check := func(name string, attribute any) {
		text, ok := attribute.(interface{ StringValidators() []validator.String })
		if !ok {
			return
		}
		for shape, secret := range misplaced {
			for _, v := range text.StringValidators() {
				if !strings.Contains(reflect.TypeOf(v).PkgPath(), "dbxaccess") {
					continue // a validator of a library, for durations and lists of words
				}
				tried++
				var resp validator.StringResponse
				v.ValidateString(t.Context(), validator.StringRequest{Path: path.Root(name),
					ConfigValue: types.StringValue(secret)}, &resp)
				for _, d := range resp.Diagnostics {
					wantNotRepeated(t, shape+" in "+name, d.Summary()+d.Detail(), secret)
				}
			}
		}
	}
	for name, schema := range schemas(t) {
		eachAttribute(name, reflect.ValueOf(schema), check)
	}
	if tried < 500 {
		t.Errorf("%d values were tried", tried)
	}
}

// schemas returns the schemas of the provider block and of everything that the provider serves.
func schemas(t *testing.T) map[string]any {
	t.Helper()
	ctx := t.Context()
	p := &dbxaccess{}
	var block provider.SchemaResponse
	p.Schema(ctx, provider.SchemaRequest{}, &block)
	all := map[string]any{"provider": block.Schema}
	for i, create := range p.Resources(ctx) {
		var s resource.SchemaResponse
		create().Schema(ctx, resource.SchemaRequest{}, &s)
		all[fmt.Sprintf("resource %d", i)] = s.Schema
	}
	for i, create := range p.DataSources(ctx) {
		var s datasource.SchemaResponse
		create().Schema(ctx, datasource.SchemaRequest{}, &s)
		all[fmt.Sprintf("data source %d", i)] = s.Schema
	}
	for i, create := range p.EphemeralResources(ctx) {
		var s ephemeral.SchemaResponse
		create().Schema(ctx, ephemeral.SchemaRequest{}, &s)
		all[fmt.Sprintf("ephemeral resource %d", i)] = s.Schema
	}
	for i, create := range p.Actions(ctx) {
		var s action.SchemaResponse
		create().Schema(ctx, action.SchemaRequest{}, &s)
		all[fmt.Sprintf("action %d", i)] = s.Schema
	}
	for i, create := range p.ListResources(ctx) {
		var s list.ListResourceSchemaResponse
		create().ListResourceConfigSchema(ctx, list.ListResourceSchemaRequest{}, &s)
		all[fmt.Sprintf("list resource %d", i)] = s.Schema
	}
	return all
}

// eachAttribute calls visit for the attributes of a schema or nested attribute. It uses reflection, because the five
// kinds of schema have no common type.
func eachAttribute(name string, holder reflect.Value, visit func(name string, attribute any)) {
	if holder.Kind() != reflect.Struct {
		return
	}
	if object := holder.FieldByName("NestedObject"); object.IsValid() {
		holder = object
	}
	attributes := holder.FieldByName("Attributes")
	if !attributes.IsValid() {
		return
	}
	for each := attributes.MapRange(); each.Next(); {
		below, attribute := name+"."+each.Key().String(), each.Value().Elem()
		visit(below, attribute.Interface())
		eachAttribute(below, attribute, visit)
	}
}

func wantNotRepeated(t *testing.T, where, said, secret string) {
	t.Helper()
	secret = strings.TrimPrefix(strings.TrimPrefix(secret, "-----BEGIN PRIVATE KEY-----\n"), "https://user:")
	secret, _, _ = strings.Cut(secret, "\n-----END")
	secret = strings.TrimSuffix(secret, "@adb-1.1.azuredatabricks.net")
	for i := 0; i+10 <= len(secret); i++ {
		if strings.Contains(strings.ToLower(said), strings.ToLower(secret[i:i+10])) {
			t.Errorf("%s: %q shows in:\n%s", where, secret[i:i+10], said)
			return
		}
	}
}
