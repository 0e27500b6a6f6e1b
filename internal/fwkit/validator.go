package fwkit

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// Described is what a validator or a plan modifier says of itself. Each of them embeds it.
type Described string

func (d Described) Description(context.Context) string { return string(d) }

func (d Described) MarkdownDescription(context.Context) string { return string(d) }

// Checked returns a validator that calls check. Other code calls check too, so that the plan and the later use of a
// value refuse the same values with the same words.
func Checked(summary string, check func(string) error) validator.String {
	return checked{"value must be well-formed", summary, check}
}

type checked struct {
	Described
	summary string
	check   func(string) error
}

func (c checked) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := c.check(req.ConfigValue.ValueString()); err != nil {
		_, _, detail := explain(err, c.summary, req.Path.String())
		resp.Diagnostics.AddAttributeError(req.Path, c.summary, detail)
	}
}

// ScopeValidators returns the validators of an attribute that limits a credential to API scopes.
func ScopeValidators() []validator.Set {
	return []validator.Set{
		setvalidator.SizeAtLeast(1),
		setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1)),
	}
}
