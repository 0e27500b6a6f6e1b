package fwkit

import "github.com/hashicorp/terraform-plugin-framework/list/schema"

// IncludeOwnIdentity is the attribute include_own_identity of a list resource. The text says what the provider's own
// identity has: "its memberships".
func IncludeOwnIdentity(what string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Whether the identity that the provider is logged in as is shown, " + what + ". " +
			"Default `false`.",
	}
}

// IncludeBuiltInGroups is the attribute include_built_in_groups of a list resource. The text says what is shown of
// them: "grants to the groups".
func IncludeBuiltInGroups(what string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Whether " + what + " `users` and `account users` are shown, which the service " +
			"creates. Default `false`.",
	}
}
