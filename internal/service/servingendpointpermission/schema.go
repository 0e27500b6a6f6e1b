package servingendpointpermission

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *permissionResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The grant of one principal on one model-serving endpoint. The resource neither shows " +
			"nor changes other grants on the endpoint.",
		Attributes: fwkit.PrincipalAttributes(map[string]schema.Attribute{
			"id":            fwkit.StoredString("`endpoint_name/principal`."),
			"endpoint_name": fwkit.ManagedEndpointName(),
			"endpoint_id":   fwkit.ManagedEndpointID(),
			"permission_level": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(acl.CanQuery)),
				MarkdownDescription: "`CAN_VIEW` (see it), `CAN_QUERY` (also score it; the default) or `CAN_MANAGE` " +
					"(also change it and its access list). A change is made in place.",
				Validators: []validator.String{
					stringvalidator.OneOf(string(acl.CanView), string(acl.CanQuery), string(acl.CanManage)),
				},
			},
			"overwrite_existing": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "What the create does if the principal already has another direct level: " +
					"`false` (default) fails and shows that level, `true` overwrites it. The same level is adopted " +
					"in both cases.",
			},
			"display_name": fwkit.DisplayName(),
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, fwkit.GrantTimeout),
		}),
	}
}
