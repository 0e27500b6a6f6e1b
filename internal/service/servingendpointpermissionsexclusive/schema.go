package servingendpointpermissionsexclusive

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// The values of on_unlisted say what the resource does about a grant that is not listed.
const (
	onUnlistedRemove = "remove"
	onUnlistedWarn   = "warn"
	onUnlistedError  = "error"
)

func (r *exclusiveResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "All direct grants on one model-serving endpoint. A principal that is not in the maps " +
			"loses its access, and the plan shows that first.",
		Attributes: map[string]schema.Attribute{
			"id":            fwkit.StoredString("`endpoint_name`."),
			"endpoint_name": fwkit.ManagedEndpointName(),
			"endpoint_id":   fwkit.ManagedEndpointID(),
			"service_principals": levels(
				"Level by application (client) id of the service principal: a UUID, not its display name or object "+
					"id. Upper and lower case do not matter.",
				fwkit.ApplicationIDUsersIn("users"),
				fwkit.FoldKeys(),
			),
			"users": levels(
				"Level by e-mail address of the user. Upper and lower case do not matter. Not for service principals.",
				fwkit.EMailPrincipalsIn("service_principals"),
				fwkit.FoldKeys(),
			),
			"groups": levels(
				"Level by name of the group, case-sensitive. Not `admins`, a group that always has all rights.",
				fwkit.Checked("Not a group that is managed here", checkGroup),
			),
			"ignore_principals": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Principals whose grants this resource neither compares nor changes nor " +
					"revokes, because others manage them. Each is `service_principal_name=APPLICATION_ID`, " +
					"`user_name=E-MAIL` or `group_name=NAME`.",
				Validators: []validator.Set{
					setvalidator.NoNullValues(),
					setvalidator.ValueStringsAre(
						ignorable{"value must be service_principal_name=, user_name= or group_name= and a name"},
					),
				},
				PlanModifiers: []planmodifier.Set{
					samePrincipals{"Upper and lower case of application ids and user names do not matter."},
				},
			},
			"on_unlisted": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(onUnlistedRemove),
				MarkdownDescription: "What happens to a grant that is neither in the maps nor in " +
					"`ignore_principals`. `remove` (default): the plan shows that it is revoked. `warn`: it stays, " +
					"and each plan warns. `error`: each plan warns, and the apply fails before it writes anything. A " +
					"destroy is not affected.",
				Validators: []validator.String{
					stringvalidator.OneOf(onUnlistedRemove, onUnlistedWarn, onUnlistedError),
				},
			},
			"removed_on_create": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Grants that the create revokes, as `kind/principal LEVEL`, such as " +
					"`user_name/ada@example.com CAN_VIEW`. Known at plan; empty if principals in the maps are " +
					"unknown at plan.",
				PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()},
			},
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, fwkit.GrantTimeout),
		},
	}
}

// levels returns a map attribute. Its keys are principals of one kind, such as users, and its values are their
// permission levels. The validator key checks each principal.
func levels(description string, key validator.String, modifiers ...planmodifier.Map) schema.MapAttribute {
	return schema.MapAttribute{
		Optional: true, ElementType: types.StringType, PlanModifiers: modifiers,
		MarkdownDescription: description + " The level is `CAN_VIEW` (see the endpoint), `CAN_QUERY` (also score it) " +
			"or `CAN_MANAGE` (also change it and its access list).",
		Validators: []validator.Map{
			mapvalidator.NoNullValues(),
			mapvalidator.KeysAre(key),
			mapvalidator.ValueStringsAre(
				stringvalidator.OneOf(string(acl.CanView), string(acl.CanQuery), string(acl.CanManage)),
			),
		},
	}
}

func checkGroup(name string) error {
	switch name {
	case "":
		return errors.New("it is empty")
	case admins.Name:
		return errors.New(
			"the group admins always has all rights, which cannot be revoked; remove the group from the map",
		)
	default:
		return nil
	}
}

// ignorable validates that a value names a principal and its kind, as kind=NAME.
type ignorable struct{ fwkit.Described }

func (ignorable) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	attribute, name := fwkit.SplitPrincipal(req.ConfigValue.ValueString())
	inner := req
	inner.ConfigValue = types.StringValue(name)
	switch {
	case attribute == fwkit.ServicePrincipalName:
		fwkit.ApplicationID().ValidateString(ctx, inner, resp)
	case attribute == fwkit.UserName:
		fwkit.EMail().ValidateString(ctx, inner, resp)
	case attribute == "" || name == "":
		resp.Diagnostics.AddAttributeError(
			req.Path,
			"Ignored principal has no kind or no name",
			fmt.Sprintf("%q does not say which kind of principal it is. Write service_principal_name=APPLICATION_ID, "+
				"user_name=E-MAIL or group_name=NAME.", req.ConfigValue.ValueString()),
		)
	}
}

// samePrincipals keeps the state's spelling of a set of principals when nothing but upper and lower case differs.
type samePrincipals struct{ fwkit.Described }

func (samePrincipals) PlanModifySet(_ context.Context, req planmodifier.SetRequest, resp *planmodifier.SetResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() ||
		len(req.StateValue.Elements()) != len(req.PlanValue.Elements()) {
		return
	}
	had, plan := principals(req.StateValue), principals(req.PlanValue)
	if len(plan) != len(req.PlanValue.Elements()) { // some element is unknown
		return
	}
	for p := range plan {
		if !had[p] {
			return
		}
	}
	resp.PlanValue = req.StateValue
}

// ValidateConfig implements resource.ResourceWithValidateConfig. It refuses a configuration that names one principal in
// two places.
func (r *exclusiveResource) ValidateConfig(
	ctx context.Context,
	req resource.ValidateConfigRequest,
	resp *resource.ValidateConfigResponse,
) {
	var config exclusiveModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ignored := principals(config.IgnorePrincipals)
	for _, m := range config.maps() {
		first := map[acl.Principal]string{}
		for key := range m.value.Elements() {
			p := acl.Principal{Kind: m.kind, Name: key}
			if twin, twice := first[p.Key()]; twice {
				key, twin = max(key, twin), min(key, twin) // a stable order, although the order of the map is random
				resp.Diagnostics.AddAttributeError(
					path.Root(m.attribute).AtMapKey(key),
					"Principal is listed twice",
					fmt.Sprintf(
						"%q and %q are the same principal, because upper and lower case do not matter. Remove one of "+
							"them.",
						twin,
						key,
					),
				)
			}
			first[p.Key()] = key
			if ignored[p.Key()] {
				resp.Diagnostics.AddAttributeError(
					path.Root(m.attribute).AtMapKey(key),
					"Principal is listed and ignored",
					fmt.Sprintf(
						"%s is also in ignore_principals, so this resource would not manage its grant. Remove the "+
							"principal from the map or from ignore_principals.",
						p,
					),
				)
			}
		}
	}
}
