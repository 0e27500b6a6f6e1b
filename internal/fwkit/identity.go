package fwkit

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
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
func IdentifiedPrincipal(servicePrincipal, user, group types.String) string {
	attribute, name := Principal(servicePrincipal, user, group)
	given := 0
	for _, v := range []types.String{servicePrincipal, user, group} {
		if v.ValueString() != "" {
			given++
		}
	}
	if given != 1 || name == "" {
		return ""
	}
	return attribute + "=" + name
}

// Identified is the model of a managed resource.
type Identified interface {
	// Identity returns the model of the resource's identity.
	Identity() any
}

// SetIdentity writes the identity of a resource. The framework requires an identity after every operation, even if
// Terraform is older than 1.12 and has no identities, and even if a refresh finds that the object no longer exists.
func SetIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, model Identified, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	of := model.Identity()
	if value, ok := encode(ctx, identity.Schema.Type().TerraformType(ctx), of); ok {
		of = value
	}
	diags.Append(identity.Set(ctx, of)...)
}

// StateWriter is the state in the response to any operation.
type StateWriter interface {
	Set(ctx context.Context, model any) diag.Diagnostics
}

// Save writes a model as the state of a resource, and the identity of the resource.
func Save(
	ctx context.Context,
	state StateWriter,
	identity *tfsdk.ResourceIdentity,
	model Identified,
	diags *diag.Diagnostics,
) {
	diags.Append(state.Set(ctx, model)...)
	SetIdentity(ctx, identity, model, diags)
}

// ImportedIdentity returns the identity that an import gives; the zero value if the import gives an id instead. It
// reports whether it could read the identity.
func ImportedIdentity[T any](
	ctx context.Context,
	req resource.ImportStateRequest,
	diags *diag.Diagnostics,
) (identity T, ok bool) {
	if req.ID == "" && req.Identity != nil {
		diags.Append(req.Identity.Get(ctx, &identity)...)
	}
	return identity, !diags.HasError()
}

// Listed returns the result of a list resource for one object. The result contains the whole model if Terraform asks
// for it.
func Listed(ctx context.Context, req list.ListRequest, displayName string, model Identified) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = displayName
	SetIdentity(ctx, result.Identity, model, &result.Diagnostics)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.Set(ctx, model)...)
	}
	return result
}
