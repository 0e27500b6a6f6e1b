package fwkit

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Results receives what a list resource finds.
type Results struct {
	// Push adds an object, and reports whether Terraform wants more. The identity of the object is taken from the
	// model.
	Push            func(displayName string, model any) bool
	IncludeResource bool             // whether Terraform asks for the whole model, and not only for the identity
	Diagnostics     diag.Diagnostics // shown after the objects, unless Terraform has stopped reading
}

// listResource implements a list resource. Query is the model of its configuration.
type listResource[Query any] struct {
	Resource
	describe func() schema.Schema
	find     func(ctx context.Context, c *client.Client, by Query, results *Results)
}

// NewListResource returns the list resource with this name, which `terraform query` uses. describe returns the schema
// of its configuration. find pushes one result per object, and stops when Push returns false.
func NewListResource[Query any](
	name string,
	describe func() schema.Schema,
	find func(ctx context.Context, c *client.Client, by Query, results *Results),
) list.ListResource {
	return &listResource[Query]{Resource{Name: name}, describe, find}
}

func (l *listResource[_]) ListResourceConfigSchema(
	_ context.Context,
	_ list.ListResourceSchemaRequest,
	resp *list.ListResourceSchemaResponse,
) {
	resp.Schema = l.describe()
}

func (l *listResource[Query]) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var by Query
	var diags diag.Diagnostics
	if !Decode(ctx, req.Config, &by, &diags) {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		count, more := int64(0), true
		results := Results{IncludeResource: req.IncludeResource}
		results.Push = func(displayName string, model any) bool {
			result := req.NewListResult(ctx)
			result.DisplayName = displayName
			SetIdentity(ctx, result.Identity, model, &result.Diagnostics)
			if req.IncludeResource {
				result.Diagnostics.Append(result.Resource.Set(ctx, model)...)
			}
			count++
			more = push(result) && count != req.Limit
			return more
		}
		l.find(ctx, l.Client, by, &results)
		if more && len(results.Diagnostics) > 0 {
			push(list.ListResult{Diagnostics: results.Diagnostics})
		}
	}
}

// IncludeOwnIdentity returns the attribute include_own_identity of a list resource. The parameter what completes the
// description of the attribute: what is shown of the provider's own identity, such as "with its memberships".
func IncludeOwnIdentity(what string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Whether the list shows the identity that the provider is logged in as, " + what + ". " +
			"Default `false`.",
	}
}

// IncludeBuiltInGroups returns the attribute include_built_in_groups of a list resource. The parameter what completes
// the description of the attribute: what is shown of these groups, such as "grants to the groups".
func IncludeBuiltInGroups(what string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Whether the list shows " + what + " `users` and `account users`, which the service " +
			"creates. Default `false`.",
	}
}
