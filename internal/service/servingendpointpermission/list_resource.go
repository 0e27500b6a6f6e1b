package servingendpointpermission

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionList struct{ fwkit.Resource }

type queryModel struct {
	EndpointName         types.String `tfsdk:"endpoint_name"`
	IncludeOwnIdentity   types.Bool   `tfsdk:"include_own_identity"`
	IncludeBuiltInGroups types.Bool   `tfsdk:"include_built_in_groups"`
}

func (l *permissionList) ListResourceConfigSchema(
	_ context.Context,
	_ list.ListResourceSchemaRequest,
	resp *list.ListResourceSchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The direct grants of principals on one model-serving endpoint, or on all endpoints.",
		Attributes: map[string]schema.Attribute{
			"endpoint_name": schema.StringAttribute{
				Optional: true, Validators: []validator.String{fwkit.EndpointName()},
				MarkdownDescription: "Name of the endpoint, case-sensitive. If omitted, every endpoint that the " +
					"provider's identity can see.",
			},
			"include_own_identity":    fwkit.IncludeOwnIdentity("with its grants"),
			"include_built_in_groups": fwkit.IncludeBuiltInGroups("grants to the groups"),
		},
	}
}

// List streams the grants, endpoint by endpoint.
func (l *permissionList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	fwkit.Query(ctx, req, stream, func(by queryModel, push func(list.ListResult) bool, diags *diag.Diagnostics) {
		endpoint := by.EndpointName.ValueString()
		wanted := acl.Search{Self: by.IncludeOwnIdentity.ValueBool(), BuiltIn: by.IncludeBuiltInGroups.ValueBool()}
		unseen, err := eachGrant(ctx, l.Client, endpoint, wanted, func(have grant) bool {
			return push(l.result(ctx, req, have))
		})
		if len(unseen) > 0 {
			diags.AddWarning(
				fmt.Sprintf("Some access lists cannot be read: %d", len(unseen)),
				"The list does not show grants on these serving endpoints, because only a principal with CAN_MANAGE "+
					"on them, or a workspace admin, may see them: "+strings.Join(unseen, ", ")+".",
			)
		}
		fwkit.Failed(diags, err, "Cannot query access to serving endpoints", cmp.Or(endpoint, "grants"))
	})
}

func (l *permissionList) result(ctx context.Context, req list.ListRequest, have grant) list.ListResult {
	m := imported(have, l.Client.WorkspaceID())
	return fwkit.Listed(
		ctx,
		req,
		have.Endpoint+"/"+cmp.Or(have.ShownAs, have.Principal.Name)+" "+string(have.Level),
		m,
	)
}
