package serviceprincipaltoken

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type sweepAction struct{ fwkit.Action }

var _ action.ActionWithConfigure = &sweepAction{}

type sweepModel struct {
	OlderThanSeconds types.Int64 `tfsdk:"older_than_seconds"`
	DryRun           types.Bool  `tfsdk:"dry_run"`
}

// defaultStrayAge is how old a token must be by default: one of a run that is going on must not be revoked.
const defaultStrayAge = time.Hour

func (a *sweepAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_sweep_stray_tokens"
}

func (a *sweepAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Revokes the personal access tokens that runs of this provider left behind because they were killed. Such tokens say so in their comments: those of the ephemeral resource carry `[dbxaccess-ephemeral]`, " +
			"and those of the resource, while they wait to be recorded, `[dbxaccess:…]`. Of the second kind only tokens count that are past the time in that marker, two days old and never used. Needs Terraform 1.14.\n\n" +
			"It runs with `terraform apply -invoke=action.dbxaccess_sweep_stray_tokens.<name>`, and only lists them unless `dry_run` is `false`.\n\n" +
			"~> In a workspace without the call that changes a token (`PATCH /api/2.0/token/{id}`), every token of the resource keeps its marker, also one that a state holds and that nobody has used yet. " +
			"Compare the ids that the dry run lists with those in your states.\n\n" +
			"The provider's identity needs to be a workspace admin. One request lists all tokens, and two revoke each one.",
		Attributes: map[string]schema.Attribute{
			"older_than_seconds": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "Only tokens older than this, by the service's clock. Default: 3600. Give it more than your longest run takes, or that run loses its ephemeral token.",
			},
			"dry_run": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether to list the tokens and revoke none. Default: true.",
			},
		},
	}
}

func (a *sweepAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config sweepModel
	if !fwkit.Decode(ctx, req.Config, &config, &resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fwkit.DefaultTimeout)
	defer cancel()
	say := fwkit.Progress(resp)
	age := defaultStrayAge
	if !config.OlderThanSeconds.IsNull() {
		age = time.Duration(config.OlderThanSeconds.ValueInt64()) * time.Second
	}
	found, err := findStrays(ctx, a.Client, age)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot list stray tokens", "stray tokens") {
		return
	}
	if config.DryRun.IsNull() || config.DryRun.ValueBool() {
		for _, t := range found {
			say("Stray: %s", describeStray(t))
		}
		say("%d stray tokens found, none revoked, because dry_run is true.", len(found))
		return
	}
	left := 0
	for _, t := range found {
		err := a.Client.RevokeAnyToken(ctx, t.ID)
		if errors.Is(err, client.ErrPermissionDenied) {
			err = client.Advise(err, "", needsAdmin)
		}
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke stray token", describeStray(t)) {
			left++
			continue
		}
		say("Revoked: %s", describeStray(t))
	}
	say("%d stray tokens revoked, %d left.", len(found)-left, left)
}
