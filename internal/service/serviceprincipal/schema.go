package serviceprincipal

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
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

// knownEntitlements lists the entitlements that a workspace accepts.
// https://learn.microsoft.com/azure/databricks/security/auth/entitlements
var knownEntitlements = []string{
	"workspace-access",
	"databricks-sql-access",
	"allow-cluster-create",
	"allow-instance-pool-create",
	"workspace-consume",
}

// The values of on_destroy say what destroying the resource does with the service principal.
const (
	onDestroyDelete     = "delete"
	onDestroyDeactivate = "deactivate"
	onDestroyRetain     = "retain"
)

func (r *principalResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A service principal in the workspace: an application of Entra ID, or one that " +
			"Databricks creates.",
		Attributes: map[string]schema.Attribute{
			"id": fwkit.StoredString("SCIM id, digits only."),
			"application_id": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{fwkit.ApplicationID()},
				PlanModifiers: []planmodifier.String{
					fwkit.FoldCase(),
					stringplanmodifier.RequiresReplaceIfConfigured(),
					stringplanmodifier.UseStateForUnknown(),
				},
				MarkdownDescription: "Application (client) id of the Entra ID application, a UUID. The workspace " +
					"does not compare it with Entra ID. If omitted, Databricks creates a service principal, and this " +
					"attribute shows its application id.",
			},
			"display_name": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Name shown in the workspace, not always unique. If omitted, the service " +
					"chooses the name, and a rename outside of Terraform is not drift. Required without " +
					"`application_id`.",
			},
			"active": schema.BoolAttribute{
				Optional:      true,
				Computed:      true,
				PlanModifiers: []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Whether the service principal can log in to the workspace. A new one is " +
					"active. If omitted, Terraform does not manage this, so a pipeline never undoes an emergency " +
					"deactivation. Only an explicit `true` reactivates it.",
			},
			"delete_tokens_when_inactive": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether `active = false` and `on_destroy = \"deactivate\"` also delete all its " +
					"tokens, managed or not. Default: `true`.",
			},
			"delete_oauth_secrets_when_inactive": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether `active = false` and `on_destroy = \"deactivate\"` also delete all its " +
					"OAuth secrets, managed or not. Default: `true`.",
			},
			"entitlements": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType,
				PlanModifiers: []planmodifier.Set{
					fwkit.ElementsUnlessStored(stringvalidator.OneOf(knownEntitlements...)),
					setplanmodifier.UseStateForUnknown(),
				},
				MarkdownDescription: "What it may do in addition to calling APIs: `workspace-access`, " +
					"`databricks-sql-access`, `allow-cluster-create`, `allow-instance-pool-create`, " +
					"`workspace-consume` (not beside the first two). If omitted, Terraform does not manage them; " +
					"`[]` means none. Scoring an endpoint needs none of them.",
			},
			"adopt_existing": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether the create adopts a service principal with this application id that is " +
					"already in the workspace. Default: `false`: the create then fails, and says how to import or " +
					"adopt it. `true` requires `on_destroy`.",
			},
			"on_destroy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(onDestroyDelete),
				Validators: []validator.String{
					stringvalidator.OneOf(onDestroyDelete, onDestroyDeactivate, onDestroyRetain),
				},
				MarkdownDescription: "What a destroy does: `delete` (default), `deactivate` or `retain`. The destroy " +
					"reads this from the state, so apply a change of it before you remove the block. The provider's " +
					"own identity can only be retained.",
			},
			"external_id":  fwkit.StoredString("Id in the identity provider, if any."),
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, fwkit.DefaultTimeout),
		},
	}
}
