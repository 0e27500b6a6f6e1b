package fwkit

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
)

// Query implements the method List of a list resource. It decodes the configuration, and calls find when Terraform
// reads the results. find pushes one result per object, and stops when push returns false, because Terraform then wants
// no more results. Query sends the diagnostics that find adds as the last result, unless Terraform has stopped reading.
func Query[Config any](
	ctx context.Context,
	req list.ListRequest,
	stream *list.ListResultsStream,
	find func(config Config, push func(list.ListResult) bool, diags *diag.Diagnostics),
) {
	var config Config
	var diags diag.Diagnostics
	if !Decode(ctx, req.Config, &config, &diags) {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		var last diag.Diagnostics
		count, more := int64(0), true
		find(config, func(result list.ListResult) bool {
			count++
			more = push(result) && count != req.Limit
			return more
		}, &last)
		if more && len(last) > 0 {
			push(list.ListResult{Diagnostics: last})
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
