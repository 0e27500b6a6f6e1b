package fwkit

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// FoldCase keeps the state's spelling of a value that the service compares without case, so that writing an application
// id or an e-mail differently is no change. It must come before any modifier that replaces.
func FoldCase() planmodifier.String { return foldCase{} }

type foldCase struct{}

func (foldCase) Description(context.Context) string {
	return "Upper and lower case are the same here."
}

// SameID returns the id that the service showed or, if the written one differs from it only in upper and lower case,
// the written one.
func SameID(written types.String, shown string) types.String {
	if strings.EqualFold(written.ValueString(), shown) {
		return written
	}
	return types.StringValue(shown)
}

func (f foldCase) MarkdownDescription(ctx context.Context) string { return f.Description(ctx) }

func (foldCase) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	if strings.EqualFold(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
