package fwkit

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// IdentityWorkspaceID is the attribute workspace_id of a resource's identity.
func IdentityWorkspaceID() identityschema.StringAttribute {
	return identityschema.StringAttribute{
		OptionalForImport: true,
		Description: "Id of the workspace, digits. Where an import gives it, it must be the one that the " +
			"provider speaks to.",
	}
}

// IdentityPrincipal adds to a resource's identity the attributes of [PrincipalAttributes].
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

// IdentifiedPrincipal is the principal of an identity as an import id says it: kind=NAME. It is empty unless exactly
// one of the three is given.
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

// SetIdentity writes a resource's identity. The framework demands one after every operation, even if Terraform is older
// than 1.12 and knows no identities, and even if a refresh finds the object gone.
func SetIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, model any, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	if value, ok := encode(ctx, identity.Schema.Type().TerraformType(ctx), model); ok {
		model = value
	}
	diags.Append(identity.Set(ctx, model)...)
}

// Listed is one object that a list resource found, with its whole model where Terraform asks for that.
func Listed(ctx context.Context, req list.ListRequest, displayName string, identity, model any) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = displayName
	SetIdentity(ctx, result.Identity, identity, &result.Diagnostics)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.Set(ctx, model)...)
	}
	return result
}
