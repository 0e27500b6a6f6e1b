package fwkit

import (
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const (
	// defaultLifetime is the default lifetime of a credential in seconds: 90 days, as the workspace's user interface
	// proposes for tokens.
	defaultLifetime = 90 * 24 * 60 * 60
	maxLifetime     = 730 * 24 * 60 * 60 // in seconds: 730 days, the limit of the platform
)

// RotationAttributes returns the attributes that every rotated credential has, together with the attributes in own.
// reasons describes the values of rotation_reason that only this kind of credential has. mark is the tag that the
// provider adds to secrets in Key Vault; see [rotation.Secret].
func (c Credential) RotationAttributes(
	reasons, mark string,
	own map[string]schema.Attribute,
) map[string]schema.Attribute {
	text := func(format string) string { return fmt.Sprintf(format, c) }
	all := map[string]schema.Attribute{
		"lifetime_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultLifetime),
			Validators: []validator.Int64{int64validator.Between(1, maxLifetime)},
			MarkdownDescription: text(
				"Lifetime of the %[1]s, in seconds: at most 63072000 (730 days), or less if the workspace sets a " +
					"maximum. Default: 7776000 (90 days). Changing it rotates the %[1]s, also an imported one with " +
					"another lifetime.",
			),
		},
		"rotate_before_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
			MarkdownDescription: text(
				"How long before its expiry the %s is rotated, in seconds; less than `lifetime_seconds`. 0: never " +
					"because of the time. Default: a third of the lifetime.",
			),
		},
		"overlap_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
			MarkdownDescription: text(
				"How long the old %[1]s stays valid after a rotation, in seconds. The first apply after that " +
					"revokes it; 0 revokes it at once. At most `rotate_before_seconds`, or the lifetime if that is " +
					"0. Default: 86400 (a day), or the limit if that is smaller.",
			),
		},
		"rotation_triggers": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: text(
				"Any values; a change of a value rotates the %[1]s. An empty map is the same as no map. Setting them " +
					"for the first time on an imported %[1]s does not rotate it.",
			),
		},
		"rotation_reason": StoredString(
			text(
				"Why the %[1]s was rotated last: `due`, `trigger`, `lifetime`, `revoked`, `expired`, " + reasons +
					"`vault` (its secret is lost, or the place of its value was changed); or " +
					"`overlap_ended` when the last change was to revoke the %[1]s before it. Known at plan.",
			),
		),
		"on_unverifiable": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(UnverifiableFails),
			Validators: []validator.String{stringvalidator.OneOf(UnverifiableFails, UnverifiableWarns)},
			MarkdownDescription: text(
				"What happens if a refresh cannot check the %[1]s or its secret in Key Vault: `error` (default) " +
					"fails the plan, `warn` leaves everything as it is. Read from the state at refresh.",
			),
		},
		"key_vault_secret": c.vaultSecretAttribute(mark),
		"workspace_id":     WorkspaceID(),
		"created_at":       StoredString("When it was created, RFC 3339 in UTC."),
		"expires_at":       StoredString("When it expires, RFC 3339 in UTC; null for never."),
		"rotate_at":        StoredString("From this time on a plan rotates it, RFC 3339 in UTC; null for never."),
	}
	maps.Copy(all, own)
	return all
}
