package servingendpointpermission

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	EndpointName         types.String `tfsdk:"endpoint_name"`
	IncludeOwnIdentity   types.Bool   `tfsdk:"include_own_identity"`
	IncludeBuiltInGroups types.Bool   `tfsdk:"include_built_in_groups"`
}

func querySchema() schema.Schema {
	return schema.Schema{
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

// queryGrants streams the grants, endpoint by endpoint.
func queryGrants(ctx context.Context, c *client.Client, by queryModel, results *fwkit.Results) {
	endpoint := by.EndpointName.ValueString()
	wanted := acl.Search{Self: by.IncludeOwnIdentity.ValueBool(), BuiltIn: by.IncludeBuiltInGroups.ValueBool()}
	unseen, err := eachGrant(ctx, c, endpoint, wanted, func(have grant) bool {
		name := have.Endpoint + "/" + cmp.Or(have.ShownAs, have.Principal.Name) + " " + string(have.Level)
		return results.Push(name, imported(have, c.WorkspaceID()))
	})
	if len(unseen) > 0 {
		results.Diagnostics.AddWarning(
			fmt.Sprintf("Some access lists cannot be read: %d", len(unseen)),
			"The list does not show grants on these serving endpoints, because only a principal with CAN_MANAGE "+
				"on them, or a workspace admin, may see them: "+strings.Join(unseen, ", ")+".",
		)
	}
	fwkit.Failed(&results.Diagnostics, err, "Cannot query access to serving endpoints", cmp.Or(endpoint, "grants"))
}
