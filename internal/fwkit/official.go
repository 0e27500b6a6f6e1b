package fwkit

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// FromOfficial returns the state mover that adopts the state of a resource of the official provider,
// databricks/databricks. typeName is the resource type there. take maps that state, which is JSON, to a state of this
// provider. Terraform calls take before it configures the provider, so take must send no request. The refresh after the
// move adds what the old state does not hold.
func FromOfficial(
	typeName string,
	take func(ctx context.Context, state []byte, resp *resource.MoveStateResponse),
) []resource.StateMover {
	return []resource.StateMover{
		{StateMover: func(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
			if req.SourceTypeName != typeName ||
				!strings.HasSuffix(req.SourceProviderAddress, "/databricks/databricks") {
				return // not a resource that this mover adopts: the framework reports that
			}
			take(ctx, req.SourceRawState.JSON, resp)
		}},
	}
}

// NotRefreshed adds an error for the plan of an object whose state was moved from the official provider and has not
// been refreshed since. That state lacks attributes, so a plan would replace the object.
func NotRefreshed(diags *diag.Diagnostics, object string) {
	diags.AddError(
		"State moved from the official provider was not refreshed",
		object+": its state lacks attributes that this provider needs and that a refresh reads. Plan without "+
			"-refresh=false.",
	)
}
