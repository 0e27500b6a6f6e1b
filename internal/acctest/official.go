package acctest

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// OfficialSource is the terraform block of a configuration that uses both the official Databricks provider and this
// one.
const OfficialSource = `terraform {
  required_providers {
    databricks = { source = "databricks/databricks" }
    dbxaccess  = { source = "dbxaccess/dbxaccess" }
  }
}
`

// ServeOfficial makes a simulation of the official Databricks provider, with the given resources, available to the
// commands of a CLI. It serves tests of a migration to this provider, in which the official provider must change or
// destroy nothing.
// https://registry.terraform.io/providers/databricks/databricks/latest/docs
func ServeOfficial(t *testing.T, cli *CLI, resources ...Foreign) {
	t.Helper()
	ServeForeign(t, cli, ForeignProvider{Source: "databricks/databricks", Blocks: OfficialBlocks(),
		Resources: resources})
}

// OfficialBlocks returns the nested blocks that every resource of the official Databricks provider has.
func OfficialBlocks() map[string]schema.Block {
	return map[string]schema.Block{"provider_config": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{
		Attributes: map[string]schema.Attribute{"workspace_id": schema.StringAttribute{Optional: true}},
	}}}
}

// OfficialServicePrincipal returns a simulation of the resource databricks_service_principal.
func (w *World) OfficialServicePrincipal() Foreign {
	attributes := map[string]schema.Attribute{"api": schema.StringAttribute{Optional: true}}
	for _, name := range []string{"application_id", "display_name", "external_id", "home", "repos",
		"acl_principal_id"} {
		attributes[name] = schema.StringAttribute{Optional: true, Computed: true}
	}
	for _, name := range []string{"active", "allow_cluster_create", "allow_instance_pool_create",
		"databricks_sql_access", "workspace_access", "workspace_consume",
		"force", "disable_as_user_deletion", "force_delete_repos", "force_delete_home_dir"} {
		attributes[name] = schema.BoolAttribute{Optional: true, Computed: true,
			Default: booldefault.StaticBool(name == "active")}
	}
	return Foreign{Type: "databricks_service_principal", Schema: schema.Schema{Attributes: attributes},
		Make: func(plan ForeignValues) map[string]any {
			var app, name string
			plan.Get("application_id", &app)
			plan.Get("display_name", &name)
			id := w.Workspace.AddServicePrincipal(app, name)
			w.Workspace.SetEntitlements(app, "workspace-access")
			return map[string]any{"id": id, "external_id": "", "home": "/Users/" + app, "repos": "/Repos/" +
				app, "acl_principal_id": "servicePrincipals/" +
				app}
		}}
}

// OfficialPermissions returns a simulation of the resource databricks_permissions. It replaces the access list of the
// serving endpoint iris: every entry that the configuration does not list is removed. The deployer always gets
// CAN_MANAGE, which neither the configuration nor the state shows.
func (w *World) OfficialPermissions() Foreign {
	optional := schema.StringAttribute{Optional: true}
	return Foreign{
		Type: "databricks_permissions",
		Schema: schema.Schema{
			Attributes: map[string]schema.Attribute{"serving_endpoint_id": optional, "authorization": optional,
				"object_type": schema.StringAttribute{Computed: true}},
			Blocks: map[string]schema.Block{"access_control": schema.SetNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"user_name": optional, "group_name": optional, "service_principal_name": optional, "permission_level": optional,
			}}}},
		},
		Make: func(plan ForeignValues) map[string]any {
			var id, authorization types.String
			plan.Get("serving_endpoint_id", &id)
			plan.Get("authorization", &authorization)
			if !authorization.IsNull() {
				return map[string]any{"id": "/authorization/" + authorization.ValueString(),
					"object_type": authorization.ValueString()}
			}
			var entries []struct {
				User             *string `tfsdk:"user_name"`
				Group            *string `tfsdk:"group_name"`
				ServicePrincipal *string `tfsdk:"service_principal_name"`
				Level            string  `tfsdk:"permission_level"`
			}
			plan.Get("access_control", &entries)
			for principal := range w.Workspace.Grants("iris") {
				w.Workspace.RemoveGrant("iris", principal)
			}
			for _, e := range entries {
				for _, principal := range []*string{e.User, e.Group, e.ServicePrincipal} {
					if principal != nil {
						w.Workspace.SetGrant("iris", *principal, e.Level)
					}
				}
			}
			w.Workspace.SetGrant("iris", w.Deployer.ClientID, "CAN_MANAGE")
			return map[string]any{"id": "/serving-endpoints/" + id.ValueString(), "object_type": "serving-endpoint"}
		},
	}
}

// OfficialToken returns a simulation of the resource databricks_token in a provider that is logged in as the given
// owner.
func (w *World) OfficialToken(owner string) Foreign {
	computed := schema.StringAttribute{Computed: true}
	return Foreign{
		Type: "databricks_token",
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"comment": schema.StringAttribute{Optional: true}, "lifetime_seconds": schema.Int64Attribute{Optional: true}, "token_value": schema.StringAttribute{Computed: true, Sensitive: true},
			"token_id": computed, "creation_time": schema.Int64Attribute{Computed: true}, "expiry_time": schema.Int64Attribute{Computed: true},
		}},
		Make: func(plan ForeignValues) map[string]any {
			var comment types.String
			var lifetime types.Int64
			plan.Get("comment", &comment)
			plan.Get("lifetime_seconds", &lifetime)
			id, value := w.Workspace.MintToken(owner, comment.ValueString(),
				time.Duration(lifetime.ValueInt64())*time.Second)
			made, expiry := w.Tenant.Clock.Now(), int64(-1)
			if !lifetime.IsNull() {
				expiry = made.Add(time.Duration(lifetime.ValueInt64()) * time.Second).UnixMilli()
			}
			return map[string]any{"id": id, "token_id": id, "token_value": value, "creation_time": made.UnixMilli(),
				"expiry_time": expiry}
		},
	}
}
