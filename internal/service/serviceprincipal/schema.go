package serviceprincipal

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// The entitlements that a workspace knows.
// https://learn.microsoft.com/azure/databricks/security/auth/entitlements
var knownEntitlements = []string{"workspace-access", "databricks-sql-access", "allow-cluster-create", "allow-instance-pool-create", "workspace-consume"}

// What destroying does.
const (
	onDestroyDelete     = "delete"
	onDestroyDeactivate = "deactivate"
	onDestroyRetain     = "retain"
)

func (r *servicePrincipalResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A service principal in the workspace. With `application_id` it is an application of Entra ID; without it, Databricks creates one.\n\n" +
			"An existing service principal is not adopted silently: the create fails and says how to import it, or to write `adopt_existing = true`. Only what changed is sent " +
			"(SCIM PATCH), so groups and roles given elsewhere stay.\n\nOne that the official provider manages is converted with a `moved` block, from `databricks_service_principal.x` to " +
			"`dbxaccess_service_principal.x`: nothing is re-created; see the [guide](../guides/coming-from-the-databricks-provider.md).\n\n" +
			"Destroying neither deletes nor deactivates one that the same run adopts or keeps at another address, if Terraform plans or applies that first; write a `moved` block, as the plan's warning says. " +
			"Replacing one (`-replace`, taint) leaves it where `adopt_existing` is true, and else deletes it and makes it again.\n\nThe provider's identity needs to be a workspace admin.",
		Attributes: map[string]schema.Attribute{
			"id": fwkit.ID("SCIM id, decimal digits."),
			"application_id": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{fwkit.ApplicationID()},
				PlanModifiers: []planmodifier.String{fwkit.FoldCase(), stringplanmodifier.RequiresReplaceIfConfigured(), stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Application (client) id of the Entra ID application, a UUID. If omitted, Databricks creates a service principal, and its id is here. " +
					"The workspace does not check the id against Entra ID: a mistyped id creates a principal that nobody can log in as.",
			},
			"display_name": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Name shown in the workspace; need not be unique. If omitted, the service chooses it, and a rename elsewhere is not drift. Required without `application_id`. " +
					"A new name is sent last, after every other change. Some workspaces refuse it or accept it without effect, as where the name of an application comes from Entra ID: the apply then says so " +
					"once, in a warning, and state keeps the name that is written. Later plans ask for it again only when the written name or the workspace's name changes.",
			},
			"active": schema.BoolAttribute{
				Optional: true, Computed: true, PlanModifiers: []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Whether it can log in to the workspace. A new one is active. If omitted, Terraform does not manage this, so a pipeline never undoes an emergency deactivation. " +
					"Only an explicit `true` reactivates.",
			},
			"delete_tokens_when_inactive": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether deactivating it also deletes every token of it, managed or not: they would work again once somebody re-activates it. Default `true`. It holds for a written `active = false` " +
					"and for `on_destroy = \"deactivate\"`; what others have deactivated keeps its tokens until `active = false` is written. Where a token could not be deleted, state keeps `false` here, so that the next plan shows it as still to be done.",
			},
			"delete_oauth_secrets_when_inactive": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether deactivating it also deletes every OAuth secret of it, managed or not, under the same rules as `delete_tokens_when_inactive`. A secret is good for every workspace of the account " +
					"that the service principal is in. Default `true`.",
			},
			"entitlements": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType,
				Validators:    []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(knownEntitlements...))},
				PlanModifiers: []planmodifier.Set{setplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "What it may do beside calling APIs: `workspace-access`, `databricks-sql-access`, `allow-cluster-create`, `allow-instance-pool-create`, " +
					"`workspace-consume` (not beside the first two). If omitted, Terraform does not manage them; `[]` means none. Scoring an endpoint needs none of them.",
			},
			"adopt_existing": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether the create adopts a service principal of this application id that is already in the workspace. `false` (default): an error that says how to import or adopt. " +
					"With `true`, `on_destroy` must be written.",
			},
			"on_destroy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(onDestroyDelete),
				Validators: []validator.String{stringvalidator.OneOf(onDestroyDelete, onDestroyDeactivate, onDestroyRetain)},
				MarkdownDescription: "What destroying does: `delete` (default), `deactivate` or `retain`. It is taken from state, so apply a change of it before the block is removed. " +
					"Deleting also ends its tokens and grants. The identity that the provider itself is logged in as can only be retained.",
			},
			"external_id": schema.StringAttribute{
				Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Id in the identity provider, where one keeps it.",
			},
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, fwkit.DefaultTimeout),
		},
	}
}

func (r *servicePrincipalResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"application_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Application (client) id, a UUID."},
		"workspace_id":   fwkit.IdentityWorkspaceID(),
	}}
}
