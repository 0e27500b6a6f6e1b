package fwkit

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
)

// FoldKeys keeps the state's map when the planned one differs from it in the spelling of keys alone, which the service
// compares without case. Where anything else differs too the plan shows a re-spelled key as removed and added:
// Terraform takes a planned map as it is configured or as it was, nothing between.
func FoldKeys() planmodifier.Map { return foldKeys{} }

type foldKeys struct{}

func (foldKeys) Description(context.Context) string {
	return "Upper and lower case of keys are the same here."
}

func (f foldKeys) MarkdownDescription(ctx context.Context) string { return f.Description(ctx) }

func (foldKeys) PlanModifyMap(_ context.Context, req planmodifier.MapRequest, resp *planmodifier.MapResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	had, plan := req.StateValue.Elements(), req.PlanValue.Elements()
	if len(had) != len(plan) {
		return
	}
	folded := make(map[string]attr.Value, len(had))
	for k, v := range had {
		folded[strings.ToLower(k)] = v
	}
	for k, v := range plan {
		if was, ok := folded[strings.ToLower(k)]; !ok || !was.Equal(v) {
			return
		}
	}
	resp.PlanValue = req.StateValue
}
