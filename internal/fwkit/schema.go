package fwkit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	data "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	ephemeral "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// StoredString returns a computed attribute of a managed resource. A plan keeps the value of the state, unless the
// resource plans another one.
func StoredString(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Computed:            true,
		MarkdownDescription: description,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// DataString returns a computed attribute of a data source.
func DataString(description string) data.StringAttribute {
	return data.StringAttribute{Computed: true, MarkdownDescription: description}
}

// EphemeralString returns a computed attribute of an ephemeral resource.
func EphemeralString(description string) ephemeral.StringAttribute {
	return ephemeral.StringAttribute{Computed: true, MarkdownDescription: description}
}

// EphemeralSecret returns a computed attribute of an ephemeral resource that holds a secret.
func EphemeralSecret(description string) ephemeral.StringAttribute {
	return ephemeral.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: description}
}

// WorkspaceID returns the attribute workspace_id of a managed resource.
func WorkspaceID() schema.StringAttribute {
	return StoredString("Id of the workspace that the object is in, as the workspace reports it. A refresh or " +
		"destroy in another workspace is an error.")
}

// DefaultTimeout is how long an operation may take if neither the attribute timeouts nor the resource sets another
// time.
const DefaultTimeout = 20 * time.Minute

// GrantTimeout is how long creating a grant may take. It is long because access lists may not know a new principal for
// some minutes.
const GrantTimeout = 15 * time.Minute

// Timeouts returns the attribute timeouts of a resource. By default creating may take as long as create, and each other
// operation as long as [DefaultTimeout].
func Timeouts(ctx context.Context, create time.Duration) schema.Attribute {
	form := func(d time.Duration) string {
		return fmt.Sprintf(" A Go duration such as `30s`, `10m` or `2h`. Default: %d minutes.", int(d.Minutes()))
	}
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, CreateDescription: "How long a create may take, including all waits." + form(create),
		Read: true, ReadDescription: "How long a refresh may take." + form(DefaultTimeout),
		Update: true, UpdateDescription: "How long an update may take, including all waits." + form(DefaultTimeout),
		Delete: true, DeleteDescription: "How long a destroy may take." + form(DefaultTimeout),
	}).(schema.SingleNestedAttribute)
	attribute.MarkdownDescription = "How long each operation may take."
	return attribute
}

// NoTimeouts returns the null value of the attribute timeouts, for a state that no configuration has written, such as
// the state of an imported object.
func NoTimeouts() timeouts.Value {
	kinds := map[string]attr.Type{}
	for _, operation := range []string{"create", "read", "update", "delete"} {
		kinds[operation] = types.StringType
	}
	return timeouts.Value{Object: types.ObjectNull(kinds)}
}

// Deadline returns a context that ends when the timeout of an operation is over. method reads that timeout, for example
// plan.Timeouts.Create. fallback is the timeout if the configuration sets none.
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

// String converts a string of the service, which is empty if there is no value. An empty string becomes null.
func String(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// Time formats a time as RFC 3339 in UTC. The zero time becomes null.
func Time(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

// Strings converts strings into a set. The set is never null; it is empty if there are no strings.
func Strings(values []string) types.Set {
	elements := make([]attr.Value, 0, len(values))
	for _, v := range values {
		elements = append(elements, types.StringValue(v))
	}
	return types.SetValueMust(types.StringType, elements)
}

// Sorted converts a set into strings and sorts them. It returns nil for a null or unknown set.
func Sorted(s types.Set) []string {
	values := FromStrings(s)
	slices.Sort(values)
	return values
}

// FromStrings converts a set into strings. It returns nil for a null or unknown set.
func FromStrings(s types.Set) []string {
	var values []string
	for _, e := range s.Elements() {
		if v, ok := e.(types.String); ok && !v.IsNull() && !v.IsUnknown() {
			values = append(values, v.ValueString())
		}
	}
	return values
}
