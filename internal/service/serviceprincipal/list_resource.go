package serviceprincipal

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	filterModel
	IncludeOwnIdentity types.Bool `tfsdk:"include_own_identity"`
}

func querySchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The service principals of the workspace: all, or those that match a filter.",
		Attributes: map[string]schema.Attribute{
			"display_name_contains": schema.StringAttribute{
				Optional: true, Validators: partValidators(), MarkdownDescription: containsText,
			},
			"display_name_prefix": schema.StringAttribute{
				Optional: true, Validators: partValidators(), MarkdownDescription: prefixText,
			},
			"active":               schema.BoolAttribute{Optional: true, MarkdownDescription: activeText},
			"include_own_identity": fwkit.IncludeOwnIdentity("if it matches"),
			"filter": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: filterText,
			},
		},
	}
}

// queryPrincipals streams the service principals of the workspace, page by page.
func queryPrincipals(ctx context.Context, c *client.Client, by queryModel, results *fwkit.Results) {
	var stopped error
	err := c.EachServicePrincipal(ctx, by.scim(), func(sp client.ServicePrincipal) bool {
		if !by.IncludeOwnIdentity.ValueBool() {
			var self bool
			if self, stopped = c.IsSelf(ctx, sp.ApplicationID); self || stopped != nil {
				return stopped == nil
			}
		}
		// A configuration generated from an answer without "active" would reactivate the principal and remove all
		// its entitlements.
		if sp.Active == nil && (results.IncludeResource || !by.Active.IsNull()) {
			if stopped = checkComplete(ctx, c, false); stopped != nil {
				return false
			}
			sp.Active = new(bool)
		}
		m := imported(sp, c.WorkspaceID())
		m.OnDestroy = types.StringValue(onDestroyRetain) // so that nobody deletes one of many imports by mistake
		return !by.matches(sp) || results.Push(sp.DisplayName, m)
	})
	if err = cmp.Or(err, stopped); err != nil {
		err = adviseList(err, by.filterModel)
	}
	fwkit.Failed(&results.Diagnostics, err, "Cannot query service principals", "service principals")
}
