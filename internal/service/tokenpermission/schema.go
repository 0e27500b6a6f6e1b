package tokenpermission

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *permissionResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The right of one principal to use personal access tokens (`CAN_USE` on " +
			"`authorization/tokens`). **The service deletes the principal's live tokens when the right is removed.**",
		Attributes: fwkit.PrincipalAttributes(map[string]schema.Attribute{
			"id":           fwkit.StoredString("The principal: application id, e-mail or group name."),
			"display_name": fwkit.DisplayName(),
			"workspace_id": fwkit.WorkspaceID(),
			"timeouts":     fwkit.Timeouts(ctx, fwkit.GrantTimeout),
		}),
	}
}
