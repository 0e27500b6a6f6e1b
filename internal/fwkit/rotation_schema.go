package fwkit

import (
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const (
	// DefaultLifetime is how long a credential lives, in seconds; what the workspace's own page offers for tokens.
	DefaultLifetime = 90 * 24 * 60 * 60
	maxLifetime     = 730 * 24 * 60 * 60 // seconds; the platform's limit
)

// PlannedString is a computed attribute that the plan of a rotation decides.
func PlannedString(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Computed: true, MarkdownDescription: description, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// RotationAttributes adds to own the attributes that every credential has that is rotated. reasons describes the values of
// rotation_reason beside those of every credential.
func (c Credential) RotationAttributes(reasons string, own map[string]schema.Attribute) map[string]schema.Attribute {
	text := func(format string) string { return fmt.Sprintf(format, c) }
	all := map[string]schema.Attribute{
		"lifetime_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(DefaultLifetime),
			Validators: []validator.Int64{int64validator.Between(1, maxLifetime)},
			MarkdownDescription: text("How long the %[1]s lives, in seconds: at most 63072000 (730 days), or less where the workspace sets a maximum. Default: 7776000 (90 days). " +
				"A change rotates, also from the lifetime of an imported %[1]s."),
		},
		"rotate_before_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
			MarkdownDescription: text("How long before its end the %s is rotated, in seconds: less than `lifetime_seconds`. 0: never by time. Default: a third of the lifetime."),
		},
		"overlap_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
			MarkdownDescription: text("How long the old %[1]s stays valid after a rotation, in seconds: at most `rotate_before_seconds`, or the lifetime when that is 0. " +
				"The first apply after that revokes it. 0: it is revoked at once, before consumers have the new one; set while an old %[1]s lives, that apply revokes it. " +
				"Default: 86400 (a day), or the limit if that is smaller."),
		},
		"rotation_triggers": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: text("Any values; a change of one rotates the %[1]s. An empty map is the same as none. Setting them for the first time on an imported %[1]s does not rotate it."),
		},
		"rotation_reason": PlannedString(text("Why the %[1]s was rotated last: `due`, `trigger`, `lifetime`, `revoked`, `expired`, " + reasons + "`vault` (its secret is lost, or where its value is kept was changed); " +
			"or `overlap_ended` when the last change was to revoke the %[1]s before it. Known at plan.")),
		"on_unverifiable": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(UnverifiableFails),
			Validators: []validator.String{stringvalidator.OneOf(UnverifiableFails, UnverifiableWarns)},
			MarkdownDescription: text("What happens when a refresh cannot check the %[1]s or its secret in Key Vault: `error` (default) fails the plan, `warn` leaves everything as it was and warns. " +
				"A refresh reads it from the state: set for a %[1]s that can no longer be checked, it takes effect with one `terraform apply -refresh=false`."),
		},
		"created_at": PlannedString("When it was created, RFC 3339 in UTC."),
		"expires_at": PlannedString("When it expires, RFC 3339 in UTC; null for never."),
		"rotate_at":  PlannedString("From when on a plan rotates it, RFC 3339 in UTC; null for never."),
	}
	maps.Copy(all, own)
	return all
}
