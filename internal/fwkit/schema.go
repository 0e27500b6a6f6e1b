package fwkit

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ID is the attribute id of a resource.
func ID(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Computed:            true,
		MarkdownDescription: description,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// WorkspaceID is the attribute workspace_id of a resource.
func WorkspaceID() schema.StringAttribute {
	return schema.StringAttribute{
		Computed: true,
		MarkdownDescription: "Id of the workspace that the object is in, as the workspace reports it. Refreshing " +
			"or destroying it against another workspace is an error.",
		PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// DefaultTimeout bounds an operation for which neither timeouts nor the resource says otherwise.
const DefaultTimeout = 20 * time.Minute

// GrantTimeout bounds giving a right: access lists may not know a new principal for some minutes.
const GrantTimeout = 15 * time.Minute

// Timeouts is the attribute timeouts of a resource that by default takes at most create for creating, and
// [DefaultTimeout] for anything else.
func Timeouts(ctx context.Context, create time.Duration) schema.Attribute {
	form := func(d time.Duration) string {
		return fmt.Sprintf(" A Go duration such as `30s`, `10m` or `2h`. Default: %d minutes.", int(d.Minutes()))
	}
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, CreateDescription: "How long creating may take in all, waits included." + form(create),
		Read: true, ReadDescription: "How long a refresh may take." + form(DefaultTimeout),
		Update: true, UpdateDescription: "How long an update may take, waits included." + form(DefaultTimeout),
		Delete: true, DeleteDescription: "How long destroying may take." + form(DefaultTimeout),
	}).(schema.SingleNestedAttribute)
	attribute.MarkdownDescription = "How long each operation may take."
	return attribute
}

// NoTimeouts is the value of the attribute timeouts where nobody has written it.
func NoTimeouts() timeouts.Value {
	kinds := map[string]attr.Type{}
	for _, operation := range []string{"create", "read", "update", "delete"} {
		kinds[operation] = types.StringType
	}
	return timeouts.Value{Object: types.ObjectNull(kinds)}
}

// Deadline bounds ctx by one of the methods of a timeouts value, for example plan.Timeouts.Create, or by fallback where
// that one is not written.
func Deadline(
	ctx context.Context,
	method func(context.Context, time.Duration) (time.Duration, diag.Diagnostics),
	fallback time.Duration,
	diags *diag.Diagnostics,
) (context.Context, context.CancelFunc) {
	d, more := method(ctx, fallback)
	diags.Append(more...)
	return context.WithTimeout(ctx, d)
}

// String is a string that the service leaves empty when there is none.
func String(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// Time writes a time as RFC 3339 in UTC; the zero time is null.
func Time(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

// Strings is a set of strings, never null.
func Strings(values []string) types.Set {
	elements := make([]attr.Value, 0, len(values))
	for _, v := range values {
		elements = append(elements, types.StringValue(v))
	}
	return types.SetValueMust(types.StringType, elements)
}

// FromStrings reads a set of strings; null and unknown give nil.
func FromStrings(s types.Set) []string {
	var values []string
	for _, e := range s.Elements() {
		if v, ok := e.(types.String); ok && !v.IsNull() && !v.IsUnknown() {
			values = append(values, v.ValueString())
		}
	}
	return values
}
