package fwkit

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// UnlessStored returns a plan modifier that checks a configured string with a validator, unless the state already holds
// that string. So a configuration may contain what the service already has, for example in an imported object, although
// this provider would not write it.
func UnlessStored(v validator.String) planmodifier.String { return unlessStored{v} }

// ElementsUnlessStored returns a plan modifier that checks each element of a set as [UnlessStored] checks a string.
func ElementsUnlessStored(v validator.String) planmodifier.Set { return unlessStored{v} }

type unlessStored struct{ validator.String }

func (u unlessStored) PlanModifyString(
	ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse,
) {
	if req.ConfigValue.Equal(req.StateValue) {
		return
	}
	var checked validator.StringResponse
	check := validator.StringRequest{Path: req.Path, Config: req.Config, ConfigValue: req.ConfigValue}
	u.ValidateString(ctx, check, &checked)
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
