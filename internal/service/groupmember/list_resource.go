package groupmember

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type memberList struct{ fwkit.Resource }

type queryModel struct {
	GroupName            types.String `tfsdk:"group_name"`
	IncludeOwnIdentity   types.Bool   `tfsdk:"include_own_identity"`
	IncludeBuiltInGroups types.Bool   `tfsdk:"include_built_in_groups"`
}

// List streams the memberships as it finds them.
func (l *memberList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	fwkit.Query(ctx, req, stream, func(by queryModel, push func(list.ListResult) bool, diags *diag.Diagnostics) {
		wanted := search{
			by.GroupName.ValueString(),
			by.IncludeOwnIdentity.ValueBool(),
			by.IncludeBuiltInGroups.ValueBool(),
		}
		err := eachMember(ctx, l.Client, wanted, func(have membership) bool {
			m := imported(have, l.Client.WorkspaceID())
			return push(fwkit.Listed(ctx, req, have.Group+"/"+have.ShownAs, m))
		})
		fwkit.Failed(diags, err, "Cannot query group members", "group members")
	})
}
