package servingendpointpermission

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *permissionResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "One principal's grant on one model-serving endpoint. Other grants on the endpoint are neither shown nor touched.\n\n" +
			"A refresh looks the endpoint up by its name and compares its id, so an endpoint that was deleted and re-created under the same name, with an empty " +
			"access list, is seen; it compares the level held directly, so a grant raised, lowered or removed by hand is seen. Levels that the principal holds " +
			"through a parent (such as `admins`) are not this grant and make no difference.\n\n" +
			"All grants on one endpoint are refreshed by two requests, and those that wait for each other are written together. The service can add one principal but not " +
			"remove one: a grant is removed by reading the list and writing it back without it, and the service has no version to compare. So each run reads the list again a moment " +
			"after its write, and writes again what another run undid; what cannot be settled is an error that names the principal. Manage one access list in one state all the same: " +
			"the [guide](../guides/two-runs-on-one-access-list.md) says what remains. A principal that was made a moment ago may reach access lists some minutes late, and is waited for.\n\n" +
			"Destroying leaves a grant that the same run creates, adopts or keeps at another address, in a whole list too, or as its own replacement with `create_before_destroy`; " +
			"the plan warns of such a pair and names the `moved` or `removed` block to write.\n\n" +
			"The provider's identity needs CAN_MANAGE on the endpoint, or to be a workspace admin.",
		Attributes: fwkit.PrincipalAttributes(map[string]schema.Attribute{
			"id": fwkit.ID("`endpoint_name/principal`."),
			"endpoint_name": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the endpoint, case-sensitive. Another name is a replacement: `create_before_destroy = true` in the `lifecycle` block keeps " +
					"the old grant where the new endpoint turns out not to exist. The plan warns of that.",
				Validators:    []validator.String{fwkit.EndpointName()},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"endpoint_id": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "System id of the endpoint, 32 hexadecimal digits; found by name when not given. Give `databricks_model_serving.x.serving_endpoint_id` " +
					"here, and an endpoint that is replaced in the same apply is granted again in it. " +
					"Not a fixed id: an endpoint that is re-created under the same name has another id, and cannot be granted then.",
				Validators:    []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers: []planmodifier.String{fwkit.FoldCase(), stringplanmodifier.UseStateForUnknown()},
			},
			"permission_level": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(acl.CanQuery)),
				MarkdownDescription: "`CAN_VIEW` (see it), `CAN_QUERY` (also score it; the default) or `CAN_MANAGE` (also change it and its access list). A change is made in place.",
				Validators:          []validator.String{stringvalidator.OneOf(string(acl.CanView), string(acl.CanQuery), string(acl.CanManage))},
			},
			"overwrite_existing": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "What creation does when the principal already holds another level directly: `false` (default) is an error that shows it, `true` " +
					"overwrites it. The same level is adopted either way.",
			},
			"display_name": fwkit.DisplayName(),
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, fwkit.GrantTimeout),
		}),
	}
}

func (r *permissionResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: fwkit.IdentityPrincipal(map[string]identityschema.Attribute{
		"endpoint_name": identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the serving endpoint, case-sensitive."},
		"workspace_id":  fwkit.IdentityWorkspaceID(),
	})}
}
