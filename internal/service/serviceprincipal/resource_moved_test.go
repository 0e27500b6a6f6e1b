package serviceprincipal_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const officialSource = `terraform {
  required_providers {
    databricks = {
      source = "databricks/databricks"
    }
  }
}
`

// official stands for the official provider: it has its name and its schema, and makes in state what that one would. Its
// documentation is at registry.terraform.io/providers/databricks/databricks.
type official struct {
	w *acctest.World
	t *testing.T
}

func (o *official) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "databricks"
}
func (o *official) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (o *official) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (o *official) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (o *official) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &officialResource{o} }}
}

type officialResource struct{ *official }

func (r *officialResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "databricks_service_principal"
}

func (r *officialResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{},
		Blocks: map[string]schema.Block{"provider_config": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{
			Attributes: map[string]schema.Attribute{"workspace_id": schema.StringAttribute{Optional: true}},
		}}},
	}
	for _, name := range []string{"id", "application_id", "display_name", "external_id", "home", "repos", "acl_principal_id"} {
		resp.Schema.Attributes[name] = schema.StringAttribute{Optional: name != "id", Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}}
	}
	resp.Schema.Attributes["api"] = schema.StringAttribute{Optional: true}
	for _, name := range []string{"active", "allow_cluster_create", "allow_instance_pool_create", "databricks_sql_access", "workspace_access", "workspace_consume",
		"force", "disable_as_user_deletion", "force_delete_repos", "force_delete_home_dir"} {
		resp.Schema.Attributes[name] = schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(name == "active")}
	}
}

// Create makes the service principal that the plan names, and the state the official provider would write of it.
func (r *officialResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.State.Raw = req.Plan.Raw
	var app, name string
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("application_id"), &app)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("display_name"), &name)...)
	for attribute, value := range map[string]string{
		"id": r.w.Workspace.AddServicePrincipal(app, name), "external_id": "", "home": "/Users/" + app, "repos": "/Repos/" + app, "acl_principal_id": "servicePrincipals/" + app,
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	r.w.Workspace.SetEntitlements(app, "workspace-access")
}
func (r *officialResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}
func (r *officialResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {
	r.t.Error("the official provider was asked to update")
}
func (r *officialResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
	r.t.Error("the official provider was asked to destroy")
}

// serve lets a CLI find the stand-in in this process under the official provider's address.
func serve(t *testing.T, w *acctest.World, cli *acctest.CLI) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	configs, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	server := func() tfprotov6.ProviderServer { return providerserver.NewProtocol6(&official{w, t})() }
	go func() {
		if err := tf6server.Serve("registry.terraform.io/databricks/databricks", server, tf6server.WithDebug(ctx, configs, closed), tf6server.WithoutLogStderrOverride()); err != nil {
			t.Error(err)
		}
	}()
	config := <-configs
	t.Cleanup(func() {
		cancel()
		<-closed
	})
	reattach, err := json.Marshal(map[string]any{"databricks/databricks": map[string]any{
		"Protocol": string(config.Protocol), "ProtocolVersion": config.ProtocolVersion, "Pid": config.Pid, "Test": config.Test,
		"Addr": map[string]string{"Network": config.Addr.Network(), "String": config.Addr.String()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cli.Env["TF_REATTACH_PROVIDERS"] = string(reattach)
}

// A service principal comes over from the official provider: nothing is made again, and the next plan is empty.
func TestMovedFromOfficialProvider(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, officialSource+`resource "databricks_service_principal" "app" {
		application_id   = "`+w.ScoringApp.ClientID+`"
		display_name     = "scoring"
		workspace_access = true
	}`)
	serve(t, w, cli)
	cli.MustRun(t, 0, "apply", "-auto-approve")
	made := member(t, w)
	before := w.Workspace.Snapshot()

	write(t, cli, entra(w, `display_name = "scoring"`, `entitlements = ["workspace-access"]`)+`moved {
		from = databricks_service_principal.app
		to   = dbxaccess_service_principal.app
	}`)
	w.Tenant.Journal.Reset()
	r := cli.MustRun(t, 0, "apply", "-auto-approve")
	wantWords(t, r, "0 added, 0 changed, 0 destroyed")
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "workspace" && e.Method != "GET" {
			t.Errorf("asked %s %s", e.Method, e.Path)
		}
	}
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	if state := cli.State(t); strings.Contains(state, "databricks_service_principal") || !strings.Contains(state, `"id": "`+made.ID+`"`) {
		t.Error(state)
	}
	asBefore(t, w, before)
	write(t, cli, entra(w, `display_name = "scoring"`, `entitlements = ["workspace-access"]`)) // the moved block may go
	cli.MustRun(t, 0, "plan", "-detailed-exitcode")
	cli.MustRun(t, 0, "destroy", "-auto-approve")
	if left := members(w); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}

// What differs is an update in place, never a replacement.
func TestMovedAndChanged(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, officialSource+`resource "databricks_service_principal" "app" {
		application_id           = "`+w.ScoringApp.ClientID+`"
		display_name             = "scoring"
		workspace_access         = true
		disable_as_user_deletion = true
		provider_config {
			workspace_id = "`+w.Workspace.ID()+`"
		}
	}`)
	serve(t, w, cli)
	cli.MustRun(t, 0, "apply", "-auto-approve")
	made := member(t, w)
	const moved = "moved {\n from = databricks_service_principal.app\n to = dbxaccess_service_principal.app\n}\n"
	// The official provider would have deactivated it: that must not silently become a deletion.
	write(t, cli, entra(w, `entitlements = []`)+moved)
	wantWords(t, cli.MustRun(t, 2, "plan", "-detailed-exitcode"), `on_destroy = "deactivate" -> "delete"`, "0 to add, 1 to change, 0 to destroy")
	write(t, cli, entra(w, `display_name = "ours"`, `on_destroy = "deactivate"`)+moved)
	cli.MustRun(t, 0, "apply", "-auto-approve")
	if sp := member(t, w); sp.ID != made.ID || sp.DisplayName != "ours" || strings.Join(sp.Entitlements, " ") != "workspace-access" {
		t.Errorf("made %+v, is %+v", made, sp)
	}
}

func TestMovedFromElsewhere(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	cli := w.CLI(t, officialSource+`resource "databricks_service_principal" "app" {
		application_id = "`+w.ScoringApp.ClientID+`"
		display_name   = "scoring"
		api            = "account"
	}
	resource "terraform_data" "app" {}`)
	serve(t, w, cli)
	cli.MustRun(t, 0, "apply", "-auto-approve")
	write(t, cli, entra(w)+"moved {\n from = databricks_service_principal.app\n to = dbxaccess_service_principal.app\n}\n")
	wantWords(t, cli.MustRun(t, 1, "plan"), "Cannot take the service principal over", "level of the account", "import the workspace's service principal")
	write(t, cli, entra(w)+"moved {\n from = terraform_data.app\n to = dbxaccess_service_principal.app\n}\n")
	wantWords(t, cli.MustRun(t, 1, "plan"), "terraform_data")
}
