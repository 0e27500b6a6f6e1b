package fwkit

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// FromOfficial adopts what a resource of the official provider has in state, as JSON. Terraform calls it before the
// provider is configured, so take only maps the values and sends no request; the refresh that follows adds what that
// state does not hold.
func FromOfficial(
	typeName string,
	take func(ctx context.Context, state []byte, resp *resource.MoveStateResponse),
) []resource.StateMover {
	return []resource.StateMover{
		{StateMover: func(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
			if req.SourceTypeName != typeName ||
				!strings.HasSuffix(req.SourceProviderAddress, "/databricks/databricks") {
				return // not ours to take: the framework says so
			}
			take(ctx, req.SourceRawState.JSON, resp)
		}},
	}
}

// NotRefreshed refuses a plan from a state that came over and that no refresh has completed: it would replace the
// object.
func NotRefreshed(diags *diag.Diagnostics, object string) {
	diags.AddError(
		"State moved from the official provider was not refreshed",
		object+": its state lacks attributes that this provider needs and that a refresh reads. Plan without "+
			"-refresh=false.",
	)
}
