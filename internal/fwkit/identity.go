package fwkit

import (
	"context"
	"reflect"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// IdentityAttribute returns an attribute of a resource's identity that every import gives.
func IdentityAttribute(description string) identityschema.StringAttribute {
	return identityschema.StringAttribute{RequiredForImport: true, Description: description}
}

// IdentityPrincipal adds service_principal_name, user_name and group_name to the attributes of a resource's identity,
// and returns these attributes. Compare [PrincipalAttributes].
func IdentityPrincipal(attributes map[string]identityschema.Attribute) map[string]identityschema.Attribute {
	attributes[ServicePrincipalName] = identityschema.StringAttribute{
		OptionalForImport: true, Description: "Application (client) id of the service principal, a UUID. Exactly one " +
			"of service_principal_name, user_name and group_name is given.",
	}
	attributes[UserName] = identityschema.StringAttribute{
		OptionalForImport: true,
		Description:       "E-mail address of the user.",
	}
	attributes[GroupName] = identityschema.StringAttribute{
		OptionalForImport: true,
		Description:       "Name of the group, case-sensitive.",
	}
	return attributes
}

// IdentifiedPrincipal returns the principal that an identity names, in the form of an import id: kind=NAME, such as
// group_name=NAME. It returns an empty string unless exactly one of the three values is set.
func IdentifiedPrincipal(ctx context.Context, identity Attributes) string {
	m := PrincipalModel{
		ServicePrincipalName: identity.String(ctx, ServicePrincipalName),
		UserName:             identity.String(ctx, UserName),
		GroupName:            identity.String(ctx, GroupName),
	}
	attribute, name := m.Named()
	given := 0
	for _, v := range []types.String{m.ServicePrincipalName, m.UserName, m.GroupName} {
		if v.ValueString() != "" {
			given++
		}
	}
	if given != 1 || name == "" {
		return ""
	}
	return attribute + "=" + name
}

// SetIdentity writes the identity of a resource: its attributes are those of the model with the same names. The
// framework requires an identity after every operation, even if Terraform is older than 1.12 and has no identities, and
// even if a refresh finds that the object no longer exists.
func SetIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, model any, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	fields := reflect.Indirect(reflect.ValueOf(model))
	index := fieldIndexes(fields.Type())
	values := map[string]tftypes.Value{}
	for name := range identity.Schema.GetAttributes() {
		value, err := fields.FieldByIndex(index[name]).Interface().(attr.Value).ToTerraformValue(ctx)
		if err != nil {
			panic(err) // cannot happen, because all attributes of identities are strings
		}
		values[name] = value
	}
	diags.Append(identity.Set(ctx, tftypes.NewValue(identity.Schema.Type().TerraformType(ctx), values))...)
}

var indexes sync.Map // reflect.Type of a model → map[string][]int, the index of the field of each attribute

// fieldIndexes returns the index of the field of each attribute of a model, also of those in embedded structs.
func fieldIndexes(model reflect.Type) map[string][]int {
	if found, ok := indexes.Load(model); ok {
		return found.(map[string][]int)
	}
	found := map[string][]int{}
	for _, field := range reflect.VisibleFields(model) {
		found[field.Tag.Get("tfsdk")] = field.Index
	}
	indexes.Store(model, found)
	return found
}

// Save writes a model as the state of a resource, and the identity of the resource.
func Save(
	ctx context.Context,
	state *tfsdk.State,
	identity *tfsdk.ResourceIdentity,
	model any,
	diags *diag.Diagnostics,
) {
	diags.Append(state.Set(ctx, model)...)
	SetIdentity(ctx, identity, model, diags)
}

// ImportedIdentity returns the attributes of the identity that an import gives; nil if the import gives an id instead.
func ImportedIdentity(req resource.ImportStateRequest) Attributes {
	if req.ID != "" || req.Identity == nil {
		return nil
	}
	return AttributesOf(req.Identity.Raw)
}
