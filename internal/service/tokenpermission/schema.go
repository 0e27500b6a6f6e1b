package tokenpermission

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *permissionResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The right of one principal to use personal access tokens (`CAN_USE` on `authorization/tokens`). Other principals are neither shown nor touched.\n\n" +
			"~> **Taking this right away deletes the principal's live tokens at once.** That is what the service does, not this provider: destroying this resource " +
			"closes every application that uses one of them. The plan warns of it.\n\n" +
			"Replacing (`-replace`, taint, `create_before_destroy`) leaves the right and the tokens. So does another address in the same run, if Terraform plans its creation first or applies it first; " +
			"else the tokens are gone before the right is given again. Terraform promises no order, so write a `moved` block, as the plan's warning says.\n\n" +
			"The provider's identity needs to be a workspace admin. The service keeps this access list once the workspace's first token exists: in a workspace without any, an admin creates one " +
			"(Settings > Developer > Access tokens) before the first apply.\n\n" +
			"The service can add one principal but not remove one: this right is removed by reading the list and writing it back without it, and the service has no version to compare. So each run reads the list again " +
			"a moment after its write, and writes again what another run undid. Manage this list in one state all the same: the [guide](../guides/two-runs-on-one-access-list.md) says what remains.",
		Attributes: fwkit.PrincipalAttributes(map[string]schema.Attribute{
			"id":           fwkit.ID("The principal: application id, e-mail or group name."),
			"display_name": fwkit.DisplayName(),
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, fwkit.GrantTimeout),
		}),
	}
}

func (r *permissionResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: fwkit.IdentityPrincipal(map[string]identityschema.Attribute{
		"workspace_id": fwkit.IdentityWorkspaceID(),
	})}
}
