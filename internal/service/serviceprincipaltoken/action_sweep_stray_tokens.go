package serviceprincipaltoken

import (
	"context"
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

type sweepModel struct {
	OlderThanSeconds types.Int64 `tfsdk:"older_than_seconds"`
	DryRun           types.Bool  `tfsdk:"dry_run"`
}

// defaultStrayAge is the default minimum age of a stray token. A younger token may belong to a run that has not ended,
// and must not be revoked.
const defaultStrayAge = time.Hour

func (a *sweepAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists, and on request revokes, the personal access tokens that interrupted runs of " +
			"this provider left behind.",
		Attributes: map[string]schema.Attribute{
			"older_than_seconds": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "Minimum age of the tokens in seconds, by the service's clock. Default: 3600. " +
					"Use more than your longest run takes.",
			},
			"dry_run": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether to only list the tokens, and revoke none. Default: true.",
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
		age = fwkit.Seconds(config.OlderThanSeconds)
	}
	found, err := findStrays(ctx, a.Client, age)
	if fwkit.Failed(&resp.Diagnostics, err, "Cannot list stray tokens", "stray tokens") {
		return
	}
	if config.DryRun.IsNull() || config.DryRun.ValueBool() {
		for _, t := range found {
			say("Stray token: %s", describeStray(t))
		}
		say("%s found, none revoked, because dry_run is true.", fwkit.Counted(len(found), "stray token"))
		return
	}
	left := 0
	for _, t := range found {
		err := client.AdviseDenied(a.Client.RevokeAnyToken(ctx, t.ID), needsAdmin)
		if fwkit.Failed(&resp.Diagnostics, err, "Cannot revoke stray token", describeStray(t)) {
			left++
			continue
		}
		say("Revoked stray token: %s", describeStray(t))
	}
	say("Revoked %s; %d could not be revoked.", fwkit.Counted(len(found)-left, "stray token"), left)
}
