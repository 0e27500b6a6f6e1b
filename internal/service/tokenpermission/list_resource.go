package tokenpermission

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	IncludeOwnIdentity   types.Bool `tfsdk:"include_own_identity"`
	IncludeBuiltInGroups types.Bool `tfsdk:"include_built_in_groups"`
}

func querySchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The principals that hold the right to use personal access tokens (`CAN_USE`) directly.",
		Attributes: map[string]schema.Attribute{
			"include_own_identity":    fwkit.IncludeOwnIdentity("with its right to use tokens"),
			"include_built_in_groups": fwkit.IncludeBuiltInGroups("rights of the groups"),
		},
	}
}

// queryRights streams the principals that may use personal access tokens, sorted.
func queryRights(ctx context.Context, c *client.Client, by queryModel, results *fwkit.Results) {
	wanted := acl.Search{Self: by.IncludeOwnIdentity.ValueBool(), BuiltIn: by.IncludeBuiltInGroups.ValueBool()}
	found, err := search(ctx, c, wanted)
	if fwkit.Failed(&results.Diagnostics, err, "Cannot query who may use tokens", acl.Tokens.String()) {
		return
	}
	for _, e := range found {
		if !results.Push(cmp.Or(e.DisplayName, e.Name), imported(e, c.WorkspaceID())) {
			return
		}
	}
}
