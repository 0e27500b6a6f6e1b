package serviceprincipaloauthsecret

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

// ImportState imports an existing OAuth secret. The secret's value stays null, because the service no longer shows it.
func (r *secretResource) ImportState(
	ctx context.Context,
	req resource.ImportStateRequest,
	resp *resource.ImportStateResponse,
) {
	identity := fwkit.ImportedIdentity(req)
	application := identity.String(ctx, "application_id").ValueString()
	id := identity.String(ctx, "secret_id").ValueString()
	if identity == nil {
		var err error
		if application, id, err = fromImportID(req.ID); err != nil {
			resp.Diagnostics.AddAttributeError(path.Empty(), "Not the id of an OAuth secret", err.Error()+". The id "+
				"of a secret is not its value (dose…).")
			return
		}
	}
	if strings.HasPrefix(id, "dose") {
		resp.Diagnostics.AddAttributeError(
			path.Empty(),
			"Value of an OAuth secret instead of its id",
			"A text that begins with \"dose\" is the value of the secret. Do not write a value into the "+
				"configuration. The list of OAuth secrets shows the ids.",
		)
		return
	}
	object := "OAuth secret " + fwkit.ShortID(id) + " of service principal " + application
	principalID, list, err := find(ctx, r.Client, application, "")
	if r.WrongWorkspace(ctx, identity.String(ctx, "workspace_id"), object, &resp.Diagnostics) ||
		fwkit.Failed(&resp.Diagnostics, err, "Cannot import OAuth secret", object) {
		return
	}
	info, found := list.ByID(id)
	if !found {
		resp.Diagnostics.AddError(
			"No such OAuth secret to import",
			fmt.Sprintf(
				"Service principal %s has no OAuth secret with the id %q. Its OAuth secrets are:\n%s",
				application,
				id,
				describe(list.Secrets),
			),
		)
		return
	}
	m := imported(info, application, principalID, r.Client)
	fwkit.Save(ctx, &resp.State, resp.Identity, m, &resp.Diagnostics)
	fwkit.RotationMemory{Imported: true}.Store(ctx, resp.Private, &resp.Diagnostics)
}
