package fwkit

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// The names of the three attributes that name the principal of a grant, as the API has them.
const (
	ServicePrincipalName = "service_principal_name"
	UserName             = "user_name"
	GroupName            = "group_name"
)

// PrincipalAttributes adds service_principal_name, user_name and group_name to the attributes of a resource, and
// returns these attributes. Exactly one of the three names the principal of a grant.
func PrincipalAttributes(attributes map[string]schema.Attribute) map[string]schema.Attribute {
	replace := []planmodifier.String{FoldCase(), stringplanmodifier.RequiresReplace()}
	attributes[ServicePrincipalName] = schema.StringAttribute{
		Optional: true, PlanModifiers: replace, Validators: []validator.String{ApplicationID()},
		MarkdownDescription: "Application (client) id of the service principal: a UUID, not its display name and not " +
			"its object id. Upper and lower case do not matter. Exactly one of `service_principal_name`, `user_name` " +
			"and `group_name` is given.",
	}
	attributes[UserName] = schema.StringAttribute{
		Optional: true, PlanModifiers: replace, Validators: []validator.String{EMail()},
		MarkdownDescription: "E-mail address of a user. Upper and lower case do not matter. Not for a service " +
			"principal, not even with its name.",
	}
	attributes[GroupName] = schema.StringAttribute{
		Optional: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		Validators: []validator.String{
			stringvalidator.LengthAtLeast(1),
			Checked("Not a group that can be granted a right", checkGroupName),
		},
		MarkdownDescription: "Name of a group, case-sensitive. Not `admins`, a group that always has all rights.",
	}
	return attributes
}

// checkGroupName returns an error for the group admins. The service gives that group every right by itself and shows
// the rights as inherited, so nobody can grant or remove them.
func checkGroupName(name string) error {
	if name == client.AdminsGroup {
		return fmt.Errorf(
			"the group %q always has all rights, which can be neither granted nor revoked; remove this resource, or "+
				"manage the members of the group with dbxaccess_group_member",
			name,
		)
	}
	return nil
}

// OnePrincipal returns a validator that requires exactly one of service_principal_name, user_name and group_name.
func OnePrincipal() []resource.ConfigValidator {
	return []resource.ConfigValidator{
		onePrincipal{"exactly one of service_principal_name, user_name and group_name must be set"},
	}
}

type onePrincipal struct{ Described }

// ValidateResource adds an error at the second and the third attribute that names a principal, and one error if no
// attribute names a principal. It counts an unknown value as neither.
func (onePrincipal) ValidateResource(
	ctx context.Context,
	req resource.ValidateConfigRequest,
	resp *resource.ValidateConfigResponse,
) {
	first, open := "", false
	config := AttributesOf(req.Config.Raw)
	for _, attribute := range []string{ServicePrincipalName, UserName, GroupName} {
		switch value := config.String(ctx, attribute); {
		case value.IsUnknown():
			open = true
		case value.IsNull():
		case first == "":
			first = attribute
		default:
			resp.Diagnostics.AddAttributeError(path.Root(attribute), "Grant names more than one principal", fmt.Sprintf(
				"%s and %s are both set, but a grant is for one principal. Remove one of the two, or write a "+
					"resource for each.",
				attribute,
				first,
			))
		}
	}
	if first == "" && !open {
		resp.Diagnostics.AddError(
			"Grant names no principal",
			"Write one of service_principal_name (an application id), user_name (an e-mail address) and group_name.",
		)
	}
}

// DisplayName returns the computed attribute with the display name of a grant's principal, for people who read the
// plan.
func DisplayName() schema.StringAttribute {
	return schema.StringAttribute{
		Computed: true,
		PlanModifiers: []planmodifier.String{
			nameOfPrincipal{"Known only after apply where the principal changes."},
		},
		MarkdownDescription: "Display name of the principal, shown to make plans readable; null for a group.",
	}
}

// nameOfPrincipal is a plan modifier that keeps the display name of the state as long as the plan names the same
// principal as the state.
type nameOfPrincipal struct{ Described }

func (nameOfPrincipal) PlanModifyString(
	ctx context.Context,
	req planmodifier.StringRequest,
	resp *planmodifier.StringResponse,
) {
	if req.State.Raw.IsNull() || req.PlanValue.Equal(req.StateValue) {
		return
	}
	state, plan := AttributesOf(req.State.Raw), AttributesOf(req.Plan.Raw)
	for _, attribute := range []string{ServicePrincipalName, UserName, GroupName} {
		was, planned := state.String(ctx, attribute), plan.String(ctx, attribute)
		if planned.IsUnknown() || was.IsNull() != planned.IsNull() ||
			!strings.EqualFold(was.ValueString(), planned.ValueString()) {
			return
		}
	}
	resp.PlanValue = req.StateValue
}

// PrincipalModel holds the attributes that name a principal, as [PrincipalAttributes] and [DisplayName] describe them.
type PrincipalModel struct {
	ServicePrincipalName types.String `tfsdk:"service_principal_name"`
	UserName             types.String `tfsdk:"user_name"`
	GroupName            types.String `tfsdk:"group_name"`
	DisplayName          types.String `tfsdk:"display_name"`
}

// NewPrincipal returns the attributes of one principal: its name in the given attribute, and null in the other two.
func NewPrincipal(attribute, name, displayName string) PrincipalModel {
	m := PrincipalModel{DisplayName: String(displayName)}
	switch attribute {
	case ServicePrincipalName:
		m.ServicePrincipalName = types.StringValue(name)
	case UserName:
		m.UserName = types.StringValue(name)
	case GroupName:
		m.GroupName = types.StringValue(name)
	}
	return m
}

// Named returns the name and the value of the attribute that is set. Exactly one of the three must be set.
func (m PrincipalModel) Named() (attribute, name string) {
	switch {
	case !m.ServicePrincipalName.IsNull():
		return ServicePrincipalName, m.ServicePrincipalName.ValueString()
	case !m.UserName.IsNull():
		return UserName, m.UserName.ValueString()
	default:
		return GroupName, m.GroupName.ValueString()
	}
}

// SplitPrincipal splits the principal in an import id, kind=NAME, into attribute and name. Without a kind the whole
// string is the name, and attribute is empty.
func SplitPrincipal(s string) (attribute, name string) {
	for _, kind := range []string{ServicePrincipalName, UserName, GroupName} {
		if rest, found := strings.CutPrefix(s, kind+"="); found {
			return kind, rest
		}
	}
	return "", s
}

// ApplicationID returns a validator for the application (client) id of a service principal. Its error says what the
// value is instead, for example an e-mail address.
func ApplicationID() validator.String { return ApplicationIDUsersIn("user_name, where there is one") }

// ApplicationIDUsersIn is [ApplicationID] for a resource that names users in another attribute than user_name.
func ApplicationIDUsersIn(users string) validator.String {
	return applicationID{"value must be an application (client) id, a UUID", users}
}

type applicationID struct {
	Described
	users string // the attribute for users
}

func (a applicationID) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	value := req.ConfigValue.ValueString()
	if len(value) == 36 && uuid.Validate(value) == nil {
		return
	}
	const where = "Write the application (client) id, a UUID. Entra ID shows it under App registrations > Overview, " +
		"and the workspace under Settings > Identity and access > Service principals."
	what := "is not a UUID."
	switch {
	case value == "":
		what = "is empty."
	case strings.Contains(value, "@"):
		what = "is an e-mail address. Users are named in " + a.users + "; a service principal by its application id."
	case strings.HasPrefix(value, "/applications/"):
		what = "is the Terraform id of an azuread_application. Use its attribute client_id instead of id."
	case strings.HasPrefix(value, "/servicePrincipals/"):
		what = "is the Terraform id of an azuread_service_principal. Use its attribute client_id instead of id."
	case strings.Trim(value, "0123456789") == "":
		what = "looks like a workspace (SCIM) id."
	case strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsLetter(r) && !strings.ContainsRune("abcdefABCDEF", r)
	}):
		what = "looks like a display name."
	}
	resp.Diagnostics.AddAttributeError(
		req.Path,
		"Not an application id",
		// The value itself is not shown, because it may be a secret in the wrong place.
		fmt.Sprintf("The value %s\n\n%s", what, where),
	)
}

// EMail returns a validator for the e-mail address that names a user. Its error says what the value is instead, for
// example an application id.
func EMail() validator.String { return EMailPrincipalsIn(ServicePrincipalName) }

// EMailPrincipalsIn is [EMail] for a resource that names service principals in another attribute than
// service_principal_name.
func EMailPrincipalsIn(principals string) validator.String {
	return userName{"value must be a user's e-mail address", principals}
}

type userName struct {
	Described
	principals string // the attribute for service principals
}

func (u userName) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	value := req.ConfigValue.ValueString()
	if at := strings.LastIndex(value, "@"); at > 0 && at < len(value)-1 {
		return
	}
	what := "is not an e-mail address. Name a user by e-mail address. Name a service principal in " + u.principals +
		" by its application id, not by its display name."
	if uuid.Validate(value) == nil {
		what = "is an application id, so it names a service principal. Write it in " + u.principals + "."
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Not a user name", "The value "+what)
}
