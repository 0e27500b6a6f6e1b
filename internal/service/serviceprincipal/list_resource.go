package serviceprincipal

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type principalList struct{ fwkit.Resource }

type queryModel struct {
	filterModel
	IncludeOwnIdentity types.Bool `tfsdk:"include_own_identity"`
}

func (l *principalList) ListResourceConfigSchema(
	_ context.Context,
	_ list.ListResourceSchemaRequest,
	resp *list.ListResourceSchemaResponse,
) {
	part := func(description string) schema.StringAttribute {
		return schema.StringAttribute{
			Optional: true, MarkdownDescription: description,
			Validators: []validator.String{
				stringvalidator.LengthAtLeast(1),
				stringvalidator.ConflictsWith(path.MatchRoot("filter")),
			},
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The service principals of the workspace: all, or those that match a filter.",
		Attributes: map[string]schema.Attribute{
			"display_name_contains": part(
				"Only service principals whose display name contains this text; upper and lower case do not matter.",
			),
			"display_name_prefix": part(
				"Only service principals whose display name begins with this text; upper and lower case do not matter.",
			),
			"active": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Only active service principals, or with `false` only inactive ones. Requires a " +
					"workspace admin.",
			},
			"include_own_identity": fwkit.IncludeOwnIdentity("if it matches"),
			"filter": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "A SCIM filter, sent unchanged, such as `displayName sw \"etl-\" or externalId " +
					"eq \"42\"`. Not together with `display_name_contains` or `display_name_prefix`.",
			},
		},
	}
}

// List streams the service principals of the workspace, page by page.
func (l *principalList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	fwkit.Query(ctx, req, stream, func(by queryModel, push func(list.ListResult) bool, diags *diag.Diagnostics) {
		var stopped error
		err := l.Client.EachServicePrincipal(ctx, by.scim(), func(sp client.ServicePrincipal) bool {
			if !by.IncludeOwnIdentity.ValueBool() {
				var self bool
				if self, stopped = l.Client.IsSelf(ctx, sp.ApplicationID); self || stopped != nil {
					return stopped == nil
				}
			}
			// A configuration generated from an answer without "active" would reactivate the principal and remove all
			// its entitlements.
			if sp.Active == nil && (req.IncludeResource || !by.Active.IsNull()) {
				if stopped = checkComplete(ctx, l.Client, false); stopped != nil {
					return false
				}
				sp.Active = new(bool)
			}
			return !by.matches(sp) || push(l.result(ctx, req, sp))
		})
		if err = cmp.Or(err, stopped); err != nil {
			err = adviseList(err, by.filterModel)
		}
		fwkit.Failed(diags, err, "Cannot query service principals", "service principals")
	})
}

func (l *principalList) result(
	ctx context.Context,
	req list.ListRequest,
	found client.ServicePrincipal,
) list.ListResult {
	m := imported(found, l.Client.WorkspaceID())
	m.OnDestroy = types.StringValue(onDestroyRetain) // so that nobody deletes one of many imports by mistake
	return fwkit.Listed(ctx, req, found.DisplayName, m)
}
