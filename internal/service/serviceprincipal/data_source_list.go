package serviceprincipal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type listModel struct {
	filterModel
	WorkspaceID       types.String  `tfsdk:"workspace_id"`
	ServicePrincipals []listedModel `tfsdk:"service_principals"`
}

// filterModel holds the conditions that the data source and the list resource put on service principals.
type filterModel struct {
	Filter              types.String `tfsdk:"filter"`
	DisplayNameContains types.String `tfsdk:"display_name_contains"`
	DisplayNamePrefix   types.String `tfsdk:"display_name_prefix"`
	Active              types.Bool   `tfsdk:"active"`
}

type listedModel struct {
	ID            types.String `tfsdk:"id"`
	ApplicationID types.String `tfsdk:"application_id"`
	DisplayName   types.String `tfsdk:"display_name"`
	ExternalID    types.String `tfsdk:"external_id"`
	Active        types.Bool   `tfsdk:"active"`
	Entitlements  types.Set    `tfsdk:"entitlements"`
}

// The descriptions of the conditions in [filterModel].
const (
	containsText = "Only service principals whose display name contains this text; upper and lower case do not matter."
	prefixText   = "Only service principals whose display name begins with this text; upper and lower case do not matter."
	activeText   = "Only active service principals, or with `false` only inactive ones. Requires a workspace admin."
	filterText   = "A SCIM filter, sent unchanged, such as `displayName sw \"etl-\" or externalId eq \"42\"`. Not " +
		"together with `display_name_contains` or `display_name_prefix`."
)

// partValidators checks an attribute that holds a part of the display name.
func partValidators() []validator.String {
	return []validator.String{
		stringvalidator.LengthAtLeast(1),
		stringvalidator.ConflictsWith(path.MatchRoot("filter")),
	}
}

func principalsSchema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The service principals of the workspace: all, or those that match a filter.",
		Attributes: map[string]schema.Attribute{
			"display_name_contains": schema.StringAttribute{
				Optional: true, Validators: partValidators(),
				MarkdownDescription: containsText + " Quotes and backslashes need no escape.",
			},
			"display_name_prefix": schema.StringAttribute{
				Optional: true, Validators: partValidators(), MarkdownDescription: prefixText,
			},
			"active": schema.BoolAttribute{Optional: true, MarkdownDescription: activeText},
			"filter": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: filterText,
			},
			"workspace_id": fwkit.DataString("Id of the workspace."),
			"service_principals": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The service principals that match, sorted by display name and " +
					"then by application id.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":             fwkit.DataString("SCIM id in the workspace, digits only."),
					"application_id": fwkit.DataString("Application (client) id."),
					"display_name":   fwkit.DataString("Display name."),
					"external_id":    fwkit.DataString("Id that Entra ID's provisioning set, if any."),
					"active": schema.BoolAttribute{
						Computed:            true,
						MarkdownDescription: "Whether it may log in to the workspace." + notReported,
					},
					"entitlements": schema.SetAttribute{
						Computed: true, ElementType: types.StringType, MarkdownDescription: "Entitlements of the " +
							"service principal itself, such as `workspace-access`." + notReported,
					},
				}},
			},
		},
	}
}

func readPrincipals(ctx context.Context, c *client.Client, m *listModel, diags *diag.Diagnostics) {
	found, err := listMatching(ctx, c, m.filterModel)
	if fwkit.Failed(diags, err, "Cannot list service principals", "service principals") {
		return
	}
	m.show(found, c.WorkspaceID())
}

// listMatching lists the service principals that match the configuration. One request per 10,000 service principals.
func listMatching(ctx context.Context, c *client.Client, by filterModel) ([]client.ServicePrincipal, error) {
	found, err := c.ServicePrincipals(ctx, by.scim())
	if err != nil {
		return nil, adviseList(err, by)
	}
	if !by.Active.IsNull() &&
		slices.ContainsFunc(found, func(sp client.ServicePrincipal) bool { return sp.Active == nil }) {
		return nil, client.Advise(
			fmt.Errorf("the workspace does not report which service principals are active: %w",
				client.ErrPermissionDenied),
			"active",
			"Only a workspace admin may see that. Add the provider's identity to the group \"admins\", or remove "+
				"active.",
		)
	}
	return slices.DeleteFunc(found, func(sp client.ServicePrincipal) bool { return !by.matches(sp) }), nil
}

// scim returns the SCIM filter of the configuration; empty to list all service principals.
func (m filterModel) scim() string {
	terms := []string{}
	if text := m.DisplayNameContains.ValueString(); text != "" {
		terms = append(terms, "displayName co "+client.SCIMString(text))
	}
	if text := m.DisplayNamePrefix.ValueString(); text != "" {
		terms = append(terms, "displayName sw "+client.SCIMString(text))
	}
	return cmp.Or(m.Filter.ValueString(), strings.Join(terms, " and "))
}

// matches reports whether a service principal meets the configured conditions. It compares the names again, so that a
// service that interprets a filter differently adds no results. Only matches compares "active", because the service
// does not document it as an attribute to filter by.
func (m filterModel) matches(sp client.ServicePrincipal) bool {
	name := strings.ToLower(sp.DisplayName)
	return strings.Contains(name, strings.ToLower(m.DisplayNameContains.ValueString())) &&
		strings.HasPrefix(name, strings.ToLower(m.DisplayNamePrefix.ValueString())) &&
		(m.Active.IsNull() || sp.Active != nil && *sp.Active == m.Active.ValueBool())
}

func adviseList(err error, by filterModel) error {
	switch {
	// The error code for a filter that the service cannot read is not always the same.
	case !by.Filter.IsNull() && (errors.Is(err, client.ErrInvalid) || errors.Is(err, client.ErrOther)):
		return client.Advise(err, "filter", "The workspace refused the filter "+by.Filter.ValueString()+" Write a "+
			"filter such as displayName co \"etl\" and externalId eq \"42\", with the attributes of SCIM "+
			"(displayName, applicationId, externalId) and the operators eq, ne, co, sw, and, or.")
	default:
		return adviseLookup(err)
	}
}

func (m *listModel) show(found []client.ServicePrincipal, workspaceID string) {
	slices.SortFunc(found, func(a, b client.ServicePrincipal) int {
		return cmp.Or(cmp.Compare(a.DisplayName, b.DisplayName), cmp.Compare(a.ApplicationID, b.ApplicationID))
	})
	m.WorkspaceID = fwkit.String(workspaceID)
	m.ServicePrincipals = make([]listedModel, 0, len(found))
	for _, sp := range found {
		m.ServicePrincipals = append(m.ServicePrincipals, listedModel{
			ID:            types.StringValue(sp.ID),
			ApplicationID: fwkit.String(sp.ApplicationID),
			DisplayName:   fwkit.String(sp.DisplayName),
			ExternalID:    fwkit.String(sp.ExternalID),
			Active:        types.BoolPointerValue(sp.Active),
			Entitlements:  forAdmins(sp, sp.Entitlements),
		})
	}
}
