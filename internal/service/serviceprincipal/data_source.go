package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/datasourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type principalDataSource struct{ *fwkit.DataSource[lookupModel] }

var _ datasource.DataSourceWithConfigValidators = principalDataSource{}

type lookupModel struct {
	ID            types.String `tfsdk:"id"`
	ApplicationID types.String `tfsdk:"application_id"`
	DisplayName   types.String `tfsdk:"display_name"`
	ExternalID    types.String `tfsdk:"external_id"`
	Active        types.Bool   `tfsdk:"active"`
	Entitlements  types.Set    `tfsdk:"entitlements"`
	Groups        types.Set    `tfsdk:"groups"`
	WorkspaceID   types.String `tfsdk:"workspace_id"`
}

// notReported is the sentence in the descriptions of attributes that the workspace may withhold.
const notReported = " Null if the workspace does not report it, for example because the provider's identity is not a " +
	"workspace admin."

func principalSchema(context.Context) schema.Schema {
	key := func(description string, check validator.String) schema.StringAttribute {
		return schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			Validators:          []validator.String{check},
			MarkdownDescription: description,
		}
	}
	return schema.Schema{
		MarkdownDescription: "One service principal of the workspace, found by its application id, its display name " +
			"or its SCIM id.",
		Attributes: map[string]schema.Attribute{
			"application_id": key(
				"Application (client) id, a UUID. Exactly one of `application_id`, `display_name` and `id` is given.",
				fwkit.ApplicationID(),
			),
			"display_name": key(
				"Display name, case-sensitive. If several service principals have this name, the error lists them.",
				stringvalidator.LengthAtLeast(1),
			),
			"id": key("SCIM id in the workspace, digits only.",
				stringvalidator.RegexMatches(regexp.MustCompile(`^[0-9]+$`),
					"must be a SCIM id, which has digits only; write a UUID in application_id")),
			"external_id": fwkit.DataString("Id that Entra ID's provisioning set, if any."),
			"active": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether it may log in to the workspace." + notReported,
			},
			"entitlements": schema.SetAttribute{
				Computed: true, ElementType: types.StringType, MarkdownDescription: "Entitlements of the service " +
					"principal itself, such as `workspace-access`, without those of its groups." + notReported,
			},
			"groups": schema.SetAttribute{
				Computed: true, ElementType: types.StringType, MarkdownDescription: "Names of the workspace groups " +
					"that it is a direct member of, without `users`, which everybody is a member of." + notReported,
			},
			"workspace_id": fwkit.DataString("Id of the workspace."),
		},
	}
}

func (principalDataSource) ConfigValidators(context.Context) []datasource.ConfigValidator {
	return []datasource.ConfigValidator{datasourcevalidator.ExactlyOneOf(
		path.MatchRoot("application_id"), path.MatchRoot("display_name"), path.MatchRoot("id"))}
}

func readPrincipal(ctx context.Context, c *client.Client, m *lookupModel, diags *diag.Diagnostics) {
	sp, err := lookUp(ctx, c, *m)
	if fwkit.Failed(diags, err, "Cannot find service principal", m.String()) {
		return
	}
	m.show(sp, c.WorkspaceID())
}

func (m lookupModel) String() string {
	switch {
	case m.ApplicationID.ValueString() != "":
		return "service principal " + m.ApplicationID.ValueString()
	case m.DisplayName.ValueString() != "":
		return "service principal " + m.DisplayName.ValueString()
	default:
		return "service principal with the SCIM id " + m.ID.ValueString()
	}
}

// lookUp finds the service principal that the configuration names. One request.
func lookUp(ctx context.Context, c *client.Client, by lookupModel) (client.ServicePrincipal, error) {
	switch {
	case by.ApplicationID.ValueString() != "":
		id := by.ApplicationID.ValueString()
		found, err := c.FindServicePrincipals(ctx, client.SCIMEquals("applicationId", id))
		if err != nil {
			return client.ServicePrincipal{}, adviseLookup(err)
		}
		sp, err := exactlyOne(
			found,
			"application_id",
			"Check that the value is the application (client) id, not the object id. The workspace has an "+
				"application of Entra ID only after dbxaccess_service_principal, or an admin under Settings > "+
				"Identity and access, has added it.",
		)
		if len(found) == 0 {
			err = c.SuggestPrincipal(ctx, err, id)
		}
		return sp, err
	case by.DisplayName.ValueString() != "":
		return lookUpByName(ctx, c, by.DisplayName.ValueString())
	default:
		sp, err := c.ServicePrincipalByID(ctx, by.ID.ValueString())
		if errors.Is(err, client.ErrNotFound) {
			return sp, client.Advise(
				err,
				"id",
				"A SCIM id is valid in one workspace only, so check that host is the right workspace. Ids of groups "+
					"and users have the same form.",
			)
		}
		return sp, adviseLookup(err)
	}
}

func lookUpByName(ctx context.Context, c *client.Client, name string) (client.ServicePrincipal, error) {
	found, err := c.FindServicePrincipals(ctx, client.SCIMEquals("displayName", name))
	if err != nil {
		return client.ServicePrincipal{}, adviseLookup(err)
	}
	// The service ignores case when it compares names, but two names that differ only in case are two names.
	var others []string
	found = slices.DeleteFunc(found, func(sp client.ServicePrincipal) bool {
		if sp.DisplayName != name && strings.EqualFold(sp.DisplayName, name) {
			others = append(others, fmt.Sprintf("%q", sp.DisplayName))
		}
		return sp.DisplayName != name
	})
	hint := "Display names are case-sensitive here. To see all service principals, use data " +
		"dbxaccess_service_principals. To find exactly one, use application_id."
	if len(others) > 0 {
		slices.Sort(others)
		hint = "There is " + strings.Join(others, ", ") + ", and display names are case-sensitive here. To find " +
			"exactly one service principal, use application_id."
	}
	return exactlyOne(found, "display_name", hint)
}

// exactlyOne returns the single service principal in found. If there is none, or more than one, it returns an error
// with that attribute and hint.
func exactlyOne(found []client.ServicePrincipal, attribute, hint string) (client.ServicePrincipal, error) {
	switch len(found) {
	case 0:
		return client.ServicePrincipal{}, client.Advise(
			fmt.Errorf("this workspace has no such service principal: %w", client.ErrNotFound),
			attribute,
			hint,
		)
	case 1:
		return found[0], nil
	}
	var lines []string
	for _, sp := range found {
		lines = append(lines, fmt.Sprintf("application_id %s (SCIM id %s)", sp.ApplicationID, sp.ID))
	}
	slices.Sort(lines)
	return client.ServicePrincipal{}, client.Advise(
		fmt.Errorf("%d service principals have this name:\n  %s", len(found), strings.Join(lines, "\n  ")),
		attribute,
		"Write the application_id or the id of the service principal that you mean.",
	)
}

func adviseLookup(err error) error {
	return client.AdviseDenied(err, "Only a workspace admin may look up service principals. Add the provider's "+
		"identity to the group \"admins\".")
}

func (m *lookupModel) show(sp client.ServicePrincipal, workspaceID string) {
	if m.ApplicationID.IsNull() { // a configured id keeps its spelling
		m.ApplicationID = fwkit.String(sp.ApplicationID)
	}
	m.ID, m.DisplayName = types.StringValue(sp.ID), fwkit.String(sp.DisplayName)
	m.ExternalID, m.Active = fwkit.String(sp.ExternalID), types.BoolPointerValue(sp.Active)
	m.WorkspaceID = fwkit.String(workspaceID)
	var groups []string
	for _, g := range sp.Groups {
		groups = append(groups, g.Name)
	}
	m.Entitlements, m.Groups = forAdmins(sp, sp.Entitlements), forAdmins(sp, groups)
}

// forAdmins converts values that the workspace shows to admins only. It returns null if the answer lacks "active", as
// for other callers: in such an answer an empty set and a hidden set look the same.
func forAdmins(sp client.ServicePrincipal, values []string) types.Set {
	if sp.Active == nil {
		return types.SetNull(types.StringType)
	}
	return fwkit.Strings(values)
}
