package fwkit

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// FromOfficial returns the state mover that adopts the state of a resource of the official provider,
// databricks/databricks. typeName is the resource type there. convert converts that state, which is JSON, to a model of
// this provider; summary is the summary of the error if it cannot. Then note, if it is not nil, writes what private
// state has to hold. Terraform moves states before it configures the provider, so neither of the two may send a
// request. The refresh after the move adds what the old state does not hold.
func FromOfficial[Model any](
	typeName, summary string,
	convert func(state []byte) (Model, error),
	note func(ctx context.Context, m Model, private WritablePrivate, diags *diag.Diagnostics),
) []resource.StateMover {
	return []resource.StateMover{
		{StateMover: func(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
			if req.SourceTypeName != typeName ||
				!strings.HasSuffix(req.SourceProviderAddress, "/databricks/databricks") {
				return // not a resource that this mover adopts: the framework reports that
			}
			m, err := convert(req.SourceRawState.JSON)
			if Failed(&resp.Diagnostics, err, summary, typeName) {
				return
			}
			resp.Diagnostics.Append(resp.TargetState.Set(ctx, m)...)
			if note != nil {
				note(ctx, m, resp.TargetPrivate, &resp.Diagnostics)
			}
		}},
	}
}

// OfficialProvider is the part that the states of all resources of the official provider have in common.
type OfficialProvider struct {
	ProviderConfig []struct {
		WorkspaceID string `json:"workspace_id"`
	} `json:"provider_config"`
}

// WorkspaceID returns the id of the object's workspace; an empty string if the state does not hold it.
func (o OfficialProvider) WorkspaceID() string {
	if len(o.ProviderConfig) == 0 {
		return ""
	}
	return o.ProviderConfig[0].WorkspaceID
}

// NotRefreshed adds an error for the plan of an object whose state was moved from the official provider and has not
// been refreshed since. That state lacks attributes, so a plan would replace the object.
func NotRefreshed(diags *diag.Diagnostics, object string) {
	diags.AddError(
		"State moved from the official provider was not refreshed",
		object+": the moved state lacks attributes that this provider needs, and only a refresh reads them. Plan "+
			"without -refresh=false.",
	)
}
