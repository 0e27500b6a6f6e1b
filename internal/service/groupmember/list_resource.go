package groupmember

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type memberList struct{ fwkit.Resource }

var _ list.ListResourceWithConfigure = &memberList{}

type queryModel struct {
	GroupName            types.String `tfsdk:"group_name"`
	IncludeOwnIdentity   types.Bool   `tfsdk:"include_own_identity"`
	IncludeBuiltInGroups types.Bool   `tfsdk:"include_built_in_groups"`
}

func (l *memberList) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_group_member"
}

// List streams the members as it finds them.
func (l *memberList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var config queryModel
	var diags diag.Diagnostics
	if !fwkit.Decode(ctx, req.Config, &config, &diags) {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		count := int64(0)
		wanted := search{
			config.GroupName.ValueString(),
			config.IncludeOwnIdentity.ValueBool(),
			config.IncludeBuiltInGroups.ValueBool(),
		}
		err := eachMember(ctx, l.Client, wanted, func(have membership) bool {
			m := imported(have, l.Client.WorkspaceID())
			count++
			return push(fwkit.Listed(ctx, req, have.Group+"/"+have.ShownAs, m.toIdentity(), m)) && count != req.Limit
		})
		if err != nil {
			var failed diag.Diagnostics
			fwkit.Failed(&failed, err, "Cannot query group members", "group members")
			push(list.ListResult{Diagnostics: failed})
		}
	}
}
