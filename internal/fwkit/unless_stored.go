package fwkit

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// UnlessStored checks a configured text by a validator, unless it is already in state. What the service holds, such as of
// an imported object, is accepted in a configuration, although this provider would not write it.
func UnlessStored(v validator.String) planmodifier.String { return unlessStored{v} }

// ElementsUnlessStored is [UnlessStored] for each element of a set.
func ElementsUnlessStored(v validator.String) planmodifier.Set { return unlessStored{v} }

type unlessStored struct{ validator.String }

func (u unlessStored) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.ConfigValue.Equal(req.StateValue) {
		return
	}
	var checked validator.StringResponse
	u.ValidateString(ctx, validator.StringRequest{Path: req.Path, Config: req.Config, ConfigValue: req.ConfigValue}, &checked)
	resp.Diagnostics.Append(checked.Diagnostics...)
}

func (u unlessStored) PlanModifySet(ctx context.Context, req planmodifier.SetRequest, resp *planmodifier.SetResponse) {
	for _, element := range req.ConfigValue.Elements() {
		value, ok := element.(types.String)
		if !ok || slices.ContainsFunc(req.StateValue.Elements(), element.Equal) {
			continue
		}
		var checked validator.StringResponse
		at := req.Path.AtSetValue(element)
		u.ValidateString(ctx, validator.StringRequest{Path: at, Config: req.Config, ConfigValue: value}, &checked)
		resp.Diagnostics.Append(checked.Diagnostics...)
	}
}
