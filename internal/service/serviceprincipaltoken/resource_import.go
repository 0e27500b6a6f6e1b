package serviceprincipaltoken

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (r *tokenResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := fwkit.ImportedIdentity(req)
	id := cmp.Or(req.ID, identity.String(ctx, "token_id").ValueString())
	list, err := tokens(ctx, r.Client, true, "")
	if r.WrongWorkspace(ctx, identity.String(ctx, "workspace_id"), "token "+printable(id), &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import token", "token "+printable(id)) {
		return
	}
	info, found := list.ByID(id)
	if !found {
		resp.Diagnostics.AddError(
			"No such token to import",
			fmt.Sprintf(
				"The workspace has no live token with the id %q. The id of a token has 64 hexadecimal digits; it is "+
					"not the value (dapi…). An admin can list the ids with GET /api/2.0/token-management/tokens.",
				printable(id),
			),
		)
		return
	}
	var o ownerModel
	if !r.findOwner(ctx, list.TokenList, info, &o, &resp.Diagnostics) {
		return
	}
	m := imported(info, o.ApplicationID.ValueString(), r.Client.WorkspaceID())
	fwkit.Save(ctx, &resp.State, resp.Identity, m, &resp.Diagnostics)
	fwkit.RotationMemory{Imported: true}.Store(ctx, resp.Private, &resp.Diagnostics)
}

// printable returns an id as an error may show it. If somebody has written the token's value in place of its id,
// printable hides the value.
func printable(id string) string {
	if strings.HasPrefix(id, "dapi") {
		return "dapi…"
	}
	return id
}

// MoveState returns the state mover that adopts a databricks_token of the official provider, with the token's value.
func (r *tokenResource) MoveState(context.Context) []resource.StateMover {
	return fwkit.FromOfficial("databricks_token", "Cannot adopt the token", fromOfficial, noteImport)
}

func noteImport(ctx context.Context, _ tokenModel, private fwkit.WritablePrivate, diags *diag.Diagnostics) {
	fwkit.RotationMemory{Imported: true}.Store(ctx, private, diags)
}

// findOwner writes the owner of a token into o, and reports whether it could. It adds an error if the workspace does
// not name the owner, or if the owner is not a service principal.
func (r *tokenResource) findOwner(
	ctx context.Context,
	list client.TokenList,
	info client.TokenInfo,
	o *ownerModel,
	diags *diag.Diagnostics,
) bool {
	id := list.Owner(info)
	if info.CreatorID == "" {
		// Only the list of the caller's own tokens has no owners, so the caller is the owner. The list is used if the
		// caller is no workspace admin.
		var err error
		id, err = callerID(ctx, r.Client)
		if fwkit.Failed(diags, err, "Cannot find the owner of token", "token "+fwkit.ShortID(info.ID)) {
			return false
		}
		o.UseProviderIdentity = types.BoolValue(true)
	}
	if id == "" {
		diags.AddError(
			"Token has an owner that the workspace does not name",
			fmt.Sprintf("Token %s was created by %s and belongs to the principal with the SCIM id %s, which has not "+
				"created a token itself. So the list of tokens does not show its application id, and the token "+
				"cannot be imported. Create a new token with this resource instead.",
				fwkit.ShortID(info.ID), info.Creator, info.OwnerID),
		)
		return false
	}
	if uuid.Validate(id) != nil {
		diags.AddError(
			"Token belongs to a person",
			fmt.Sprintf(
				"Token %s was created by %s. This resource manages tokens of service principals only.",
				fwkit.ShortID(info.ID),
				id,
			),
		)
		return false
	}
	o.ApplicationID = types.StringValue(id)
	return true
}
