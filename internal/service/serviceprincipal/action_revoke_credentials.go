package serviceprincipal

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type revokeAction struct{ fwkit.Action }

type revokeModel struct {
	ApplicationID types.String `tfsdk:"application_id"`
	Deactivate    types.Bool   `tfsdk:"deactivate"`
}

func (a *revokeAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Stops all access of one service principal to this workspace: deactivates the service " +
			"principal, and deletes all its personal access tokens and OAuth secrets.",
		Attributes: map[string]schema.Attribute{
			"application_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{fwkit.ApplicationID()},
				MarkdownDescription: "Application (client) id of the service principal, a UUID. If it is not in the " +
					"workspace, the action fails.",
			},
			"deactivate": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether to deactivate the service principal first, so that it cannot log in at " +
					"all. Default: `true`. With `false` it can still log in with its credentials of Entra ID, and " +
					"create new tokens. An inactive principal stays inactive.",
			},
		},
	}
}

// Invoke deactivates the service principal before it deletes the credentials: a principal that can still log in could
// create a token while the old ones are deleted.
func (a *revokeAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config revokeModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fwkit.DefaultTimeout)
	defer cancel()
	say := fwkit.Progress(resp)
	id := config.ApplicationID.ValueString()
	sp, err := findForRevocation(ctx, a.Client, id)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke credentials", "service principal "+id) {
		return
	}
	object := sp.String()
	switch {
	case !sp.IsActive():
		say("%s was already inactive.", object)
	case config.Deactivate.IsNull() || config.Deactivate.ValueBool():
		// Even if the deactivation fails, the credentials are deleted below: they are what leaked.
		err := deactivate(ctx, a.Client, sp)
		if !fwkit.Failed(&resp.Diagnostics, err, "Cannot deactivate service principal with revoked credentials",
			object) {
			say("Deactivated: %s", object)
		}
	default:
		say("%s stays active, because deactivate is false.", object)
	}
	done, err := revokeCredentials(ctx, a.Client, sp, say)
	if fwkit.Failed(&resp.Diagnostics, err, "Credentials of the service principal were not all deleted", object) {
		return
	}
	say("%s no longer has any token or OAuth secret: %s.", object, done)
}
