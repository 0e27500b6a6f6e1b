package groupmember

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	GroupName            types.String `tfsdk:"group_name"`
	IncludeOwnIdentity   types.Bool   `tfsdk:"include_own_identity"`
	IncludeBuiltInGroups types.Bool   `tfsdk:"include_built_in_groups"`
}

// queryMembers streams the memberships as it finds them.
func queryMembers(ctx context.Context, c *client.Client, by queryModel, results *fwkit.Results) {
	wanted := search{
		by.GroupName.ValueString(),
		by.IncludeOwnIdentity.ValueBool(),
		by.IncludeBuiltInGroups.ValueBool(),
	}
	err := eachMember(ctx, c, wanted, func(have membership) bool {
		return results.Push(have.Group+"/"+have.ShownAs, imported(have, c.WorkspaceID()))
	})
	fwkit.Failed(&results.Diagnostics, err, "Cannot query group members", "group members")
}
