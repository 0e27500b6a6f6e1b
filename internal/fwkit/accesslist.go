package fwkit

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// AccessList holds the attributes with which a data source returns an access list. Each of the three maps holds the
// direct levels of one kind of principal, from the principal's name to its level.
type AccessList struct {
	Permissions       []PermissionModel `tfsdk:"permissions"`
	ServicePrincipals types.Map         `tfsdk:"service_principals"`
	Users             types.Map         `tfsdk:"users"`
	Groups            types.Map         `tfsdk:"groups"`
}

// PermissionModel is one entry of an access list, as a data source returns it.
type PermissionModel struct {
	PrincipalModel
	Principal       types.String `tfsdk:"principal"`
	PermissionLevel types.String `tfsdk:"permission_level"`
	Inherited       types.Bool   `tfsdk:"inherited"`
}

// Permission returns the access list entry of one principal. kind is the attribute that names the principal:
// service_principal_name, user_name or group_name.
func Permission(kind, name, displayName, level string, inherited bool) PermissionModel {
	return PermissionModel{
		PrincipalModel: NewPrincipal(kind, name, displayName), Principal: types.StringValue(kind + "=" + name),
		PermissionLevel: types.StringValue(level), Inherited: types.BoolValue(inherited),
	}
}

// NewAccessList returns the access list with these entries.
func NewAccessList(rows []PermissionModel) AccessList {
	sp, user, group := map[string]attr.Value{}, map[string]attr.Value{}, map[string]attr.Value{}
	for _, p := range rows {
		switch {
		case p.Inherited.ValueBool():
		case !p.ServicePrincipalName.IsNull():
			sp[p.ServicePrincipalName.ValueString()] = p.PermissionLevel
		case !p.UserName.IsNull():
			user[p.UserName.ValueString()] = p.PermissionLevel
		default:
			group[p.GroupName.ValueString()] = p.PermissionLevel
		}
	}
	of := func(levels map[string]attr.Value) types.Map { return types.MapValueMust(types.StringType, levels) }
	return AccessList{Permissions: rows, ServicePrincipals: of(sp), Users: of(user), Groups: of(group)}
}

// LevelsAttribute returns the schema of one of the three maps of an [AccessList].
func LevelsAttribute(description string) schema.MapAttribute {
	return schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
}

// PermissionsAttribute returns the schema of the computed list of access list entries in a data source. The three texts
// describe the attributes principal, permission_level and inherited.
func PermissionsAttribute(principal, levels, inherited string) schema.ListNestedAttribute {
	return schema.ListNestedAttribute{
		Computed:            true,
		MarkdownDescription: "Every entry, sorted. A principal with a direct and an inherited level has two entries.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"principal":              DataString(principal),
			"service_principal_name": DataString("Application id of a service principal; null otherwise."),
			"user_name":              DataString("E-mail of a user; null otherwise."),
			"group_name":             DataString("Name of a group; null otherwise."),
			"display_name":           DataString("Display name; null for a group, which has its name only."),
			"permission_level":       DataString(levels),
			"inherited":              schema.BoolAttribute{Computed: true, MarkdownDescription: inherited},
		}},
	}
}
