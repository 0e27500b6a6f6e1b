package fwkit

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// FoldCase returns a plan modifier for a value that the service compares without case, such as an application id or an
// e-mail address. If the planned value differs from the state only in case, it keeps the spelling in the state, so that
// the plan shows no change. It must come before any modifier that requires replacement.
func FoldCase() planmodifier.String {
	return foldCase{"Upper and lower case do not matter."}
}

type foldCase struct{ Described }

// SameID returns the id that the service showed. If the written id differs from it only in upper and lower case, SameID
// returns the written id.
func SameID(written types.String, shown string) types.String {
	if strings.EqualFold(written.ValueString(), shown) {
		return written
	}
	return types.StringValue(shown)
}

func (foldCase) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	if strings.EqualFold(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
