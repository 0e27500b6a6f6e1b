package tokenpermission

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type permissionList struct{ fwkit.Resource }

type queryModel struct {
	IncludeOwnIdentity   types.Bool `tfsdk:"include_own_identity"`
	IncludeBuiltInGroups types.Bool `tfsdk:"include_built_in_groups"`
}

func (l *permissionList) ListResourceConfigSchema(
	_ context.Context,
	_ list.ListResourceSchemaRequest,
	resp *list.ListResourceSchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The principals that hold the right to use personal access tokens (`CAN_USE`) directly.",
		Attributes: map[string]schema.Attribute{
			"include_own_identity":    fwkit.IncludeOwnIdentity("with its right to use tokens"),
			"include_built_in_groups": fwkit.IncludeBuiltInGroups("rights of the groups"),
		},
	}
}

// List streams the principals that may use personal access tokens, sorted.
func (l *permissionList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	fwkit.Query(ctx, req, stream, func(by queryModel, push func(list.ListResult) bool, diags *diag.Diagnostics) {
		wanted := acl.Search{Self: by.IncludeOwnIdentity.ValueBool(), BuiltIn: by.IncludeBuiltInGroups.ValueBool()}
		found, err := search(ctx, l.Client, wanted)
		if fwkit.Failed(diags, err, "Cannot query who may use tokens", acl.Tokens.String()) {
			return
		}
		for _, e := range found {
			m := imported(e, l.Client.WorkspaceID())
			if !push(fwkit.Listed(ctx, req, cmp.Or(e.DisplayName, e.Name), m)) {
				return
			}
		}
	})
}
