package groupmember

import (
	"context"
	"fmt"

	listschema "github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *memberResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The membership of one service principal in one workspace group. Other members are " +
			"never touched.",
		Attributes: map[string]schema.Attribute{
			"id": fwkit.StoredString("`GROUP_NAME/APPLICATION_ID`."),
			"group_name": schema.StringAttribute{
				Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators: []validator.String{
					fwkit.Checked("Not a group that can be joined", checkGroupName),
				},
				MarkdownDescription: "Name of a group of the workspace, case-sensitive. A different name replaces " +
					"the membership.",
			},
			"application_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{fwkit.ApplicationID()},
				PlanModifiers:       []planmodifier.String{fwkit.FoldCase(), stringplanmodifier.RequiresReplace()},
				MarkdownDescription: "Application (client) id of the service principal, a UUID.",
			},
			"group_id": fwkit.StoredString(
				"SCIM id of the group. A group that was re-created under the same name has another id.",
			),
			"service_principal_id": fwkit.StoredString("SCIM id of the service principal."),
			"workspace_id":         fwkit.WorkspaceID(),
			"timeouts":             fwkit.Timeouts(ctx, fwkit.DefaultTimeout),
		},
	}
}

func querySchema() listschema.Schema {
	return listschema.Schema{
		MarkdownDescription: "The service principals in one workspace group, or in all groups.",
		Attributes: map[string]listschema.Attribute{
			"group_name": listschema.StringAttribute{
				Optional: true,
				Validators: []validator.String{
					fwkit.Checked("Not a group whose members can be listed", checkGroupName),
				},
				MarkdownDescription: "Name of the group, case-sensitive. If omitted, all groups of the workspace, " +
					"except those that the service creates.",
			},
			"include_own_identity": fwkit.IncludeOwnIdentity("with its memberships"),
			"include_built_in_groups": listschema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether the members of `admins` are shown if `group_name` is omitted. Default " +
					"`false`.",
			},
		},
	}
}

func checkGroupName(name string) error {
	switch name {
	case "":
		return fmt.Errorf("it is empty")
	case "users":
		return fmt.Errorf(
			"everybody in the workspace is a member of %q; the service manages this group, so no member can be added "+
				"or removed",
			name,
		)
	default:
		return nil
	}
}
