package fwkit

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
)

// FoldKeys returns a plan modifier for a map whose keys the service compares without case. It keeps the map of the
// state if the planned map differs from it only in the case of keys. If anything else differs too, the plan shows a key
// with another spelling as removed and added: Terraform accepts a planned map only if it equals the configuration or
// the state, and no mixture of both.
func FoldKeys() planmodifier.Map {
	return foldKeys{"Upper and lower case of keys do not matter."}
}

type foldKeys struct{ Described }

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
