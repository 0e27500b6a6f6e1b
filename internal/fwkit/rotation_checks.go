package fwkit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// The values of the attribute on_unverifiable, which says what a refresh does if it cannot check a credential.
const (
	UnverifiableFails = "error"
	UnverifiableWarns = "warn"
)

// Credential is the name of a kind of credential, as messages use it, such as "token".
type Credential string

func (c Credential) title() string { return strings.ToUpper(string(c[:1])) + string(c[1:]) }

// Check adds an error for a configuration that no credential can have. valueInState is the name of the attribute that
// says whether the state holds the value.
func (c Credential) Check(config Rotating, valueInState string, diags *diag.Diagnostics) {
	c.checkTimes(config.LifetimeSeconds, config.RotateBeforeSeconds, config.OverlapSeconds, diags)
	c.checkValueKept(valueInState, config.ValueInState, config.KeyVaultSecret, diags)
}

// checkTimes adds an error if a credential would be due for rotation as soon as it is created, or if the previous
// credential would outlive the next rotation. All times are in seconds.
func (c Credential) checkTimes(lifetime, before, overlap types.Int64, diags *diag.Diagnostics) {
	if lifetime.IsNull() {
		lifetime = types.Int64Value(defaultLifetime)
	}
	if lifetime.IsUnknown() || before.IsUnknown() {
		return
	}
	if before.IsNull() {
		before = defaultRotateBefore(lifetime)
	}
	if before.ValueInt64() >= lifetime.ValueInt64() {
		diags.AddAttributeError(
			path.Root("rotate_before_seconds"),
			c.title()+" would be rotated by every plan",
			fmt.Sprintf(
				"rotate_before_seconds is %d, and the lifetime of the %s in seconds is %d, so every plan would rotate "+
					"it. Write fewer seconds than the lifetime, or 0 for no rotation by time.",
				before.ValueInt64(),
				c,
				lifetime.ValueInt64(),
			),
		)
		return
	}
	if limit := overlapLimit(lifetime, before); overlap.ValueInt64() > limit.ValueInt64() {
		diags.AddAttributeError(
			path.Root("overlap_seconds"),
			"Overlap of the "+string(c)+" is too long",
			fmt.Sprintf(
				"overlap_seconds is %d, and the limit is %d: the value of rotate_before_seconds, or the lifetime if "+
					"rotate_before_seconds is 0. With a longer overlap, a third %[3]s could be valid at the next "+
					"rotation.",
				overlap.ValueInt64(),
				limit.ValueInt64(),
				c,
			),
		)
	}
}

// checkValueKept adds an error if the configuration stores the value of the credential neither in the state nor in Key
// Vault. inState is the attribute that says whether the state holds the value, and attribute is its name.
func (c Credential) checkValueKept(attribute string, inState types.Bool, secret *VaultSecret, diags *diag.Diagnostics) {
	if secret == nil && !inState.IsNull() && !inState.IsUnknown() && !inState.ValueBool() {
		diags.AddAttributeError(
			path.Root(attribute),
			attribute+" = false requires key_vault_secret",
			"The service shows the value only once, when the "+string(c)+" is created, so the value must be stored. "+
				"Add key_vault_secret, or set "+attribute+" = true.",
		)
	}
}

// AdviseUnchecked adds advice to the error of a refresh that cannot check the credential: how to continue, and how to
// destroy the credential, because Terraform refreshes before it destroys. A refresh reads only the state, so a new
// on_unverifiable in the configuration must first get into the state. It returns nil for a nil error.
func (c Credential) AdviseUnchecked(err error) error {
	if err == nil {
		return nil
	}
	return client.AddAdvice(
		err,
		fmt.Sprintf(
			"To continue without checking the %[1]s, write on_unverifiable = \"warn\" and run terraform apply "+
				"-refresh=false once, because a refresh reads on_unverifiable from the state. To revoke the %[1]s "+
				"without checking it, run terraform destroy -refresh=false -target=ADDRESS. To let Terraform forget "+
				"the %[1]s and leave it as it is, run terraform state rm ADDRESS.",
			c,
		),
	)
}

// CheckSecret checks whether Key Vault still has the version that holds the credential's value, and reports whether
// that value is lost. It lists versions and reads no value. It writes what the vault shows of the version into state.
// at is the recorded version, and mark is the tag of versions that the provider wrote.
func (r *Resource) CheckSecret(
	ctx context.Context,
	c Credential,
	mark string,
	state RotatingModel,
	at rotation.StoredVersion,
	diags *diag.Diagnostics,
) (lost bool) {
	s, object := state.Rotating().KeyVaultSecret, state.String()
	if s == nil {
		return false
	}
	uri, name := s.VaultURI.ValueString(), s.Name.ValueString()
	versions, err := rotation.VersionsOf(ctx, r.Client, uri, name)
	switch {
	case errors.Is(err, auth.ErrNoSecret):
		diags.AddWarning(fmt.Sprintf("Key Vault secret of the %s is missing: %s", c, object),
			fmt.Sprintf("Key Vault %s no longer has a secret %s. The plan creates a new %s and writes its value to "+
				"this secret.", uri, name, c))
		return true
	case err != nil && state.Rotating().OnlyWarns():
		Warn(diags, err, fmt.Sprintf("Cannot check the Key Vault secret of the %s", c), object)
		return false
	case Failed(diags, c.AdviseUnchecked(err), fmt.Sprintf("Cannot read the Key Vault secret of the %s", c), object):
		return false
	}
	i := slices.IndexFunc(versions, func(v auth.SecretVersion) bool { return v.ID == at.Version })
	if i < 0 || !versions[i].Enabled {
		diags.AddWarning(
			fmt.Sprintf("Key Vault version of the %s is missing or disabled: %s", c, object),
			fmt.Sprintf(
				"Version %q of secret %s in Key Vault %s was deleted or disabled. The plan creates a new %s and "+
					"writes its value to a new version.",
				at.Version,
				name,
				uri,
				c,
			),
		)
		return true
	}
	if newest := versions[0]; newest.Created.After(versions[i].Created) {
		diags.AddWarning(
			fmt.Sprintf("Key Vault secret of the %s was overwritten: %s", c, object),
			fmt.Sprintf(
				"Secret %s in Key Vault %s has a newer version, %s, that this resource did not write. Applications "+
					"that read the newest version do not get this %s. To write a newer version, rotate with "+
					"rotation_triggers. Disabling that version does not help, because Key Vault then refuses "+
					"applications that read the newest version.",
				name,
				uri,
				newest.ID,
				c,
			),
		)
	}
	s.Show(versions[i], mark)
	return false
}

// WarnOfScopes adds a warning if scopes were removed from the configuration, because the credential is still limited to
// these scopes.
func (c Credential) WarnOfScopes(config, state types.Set, object string, diags *diag.Diagnostics) {
	if config.IsNull() && len(state.Elements()) > 0 {
		diags.AddWarning(
			c.title()+" keeps its scopes: "+object,
			fmt.Sprintf("The configuration does not set scopes, but this %s keeps its scopes, and every rotation "+
				"uses them again: %s. To make the configuration agree, set these scopes. A %[1]s without scopes has "+
				"all rights of its owner; only terraform apply -replace=ADDRESS creates one.",
				c, strings.Join(FromStrings(state), ", ")),
		)
	}
}

// Data is a configuration or a plan.
type Data interface {
	Get(ctx context.Context, target any) diag.Diagnostics
	GetAttribute(ctx context.Context, at path.Path, target any) diag.Diagnostics
}

// DecodeKnown reads a configuration or a plan into a model. It returns false if one of the blocks with these names is
// known only at apply. It looks at the blocks in order, and stops at the first such block.
func DecodeKnown[Model any](
	ctx context.Context,
	from Data,
	diags *diag.Diagnostics,
	blocks ...string,
) (m Model, known bool) {
	for _, name := range blocks {
		var block types.Object
		diags.Append(from.GetAttribute(ctx, Path(name), &block)...)
		if diags.HasError() || block.IsUnknown() {
			return m, false
		}
	}
	known = Decode(ctx, from, &m, diags)
	return m, known
}

// MarkRotationUnknown plans an update for which a whole block is known only at apply: it marks every attribute that a
// rotation may change as unknown. It does nothing for a creation, because the framework has marked the attributes
// already. valueInState and names are the names of attributes that differ between the kinds of credentials.
func MarkRotationUnknown(
	ctx context.Context,
	req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
	valueInState string,
	names ...string,
) {
	if req.State.Raw.IsNull() {
		return
	}
	for _, name := range append(names, "id", "created_at", "expires_at", "rotate_at", "rotation_reason") {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
	}
	for _, name := range []string{"rotate_before_seconds", "overlap_seconds"} {
		var given types.Int64
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(name), &given)...)
		if given.IsNull() {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.Int64Unknown())...)
		}
	}
	var given types.Bool
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(valueInState), &given)...)
	if given.IsNull() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(valueInState), types.BoolUnknown())...)
	}
}

// AdviseUnusable adds to the error of a new credential, which could not be verified or stored, whether that credential
// was revoked again. It returns any other error unchanged. verb is the service's word for revoking: "revoke" or
// "delete".
func (c Credential) AdviseUnusable(err error, verb string) error {
	unusable, ok := errors.AsType[*rotation.UnusableError](err)
	switch {
	case !ok:
		return err
	case unusable.RevokeErr == nil:
		return client.AddAdvice(unusable.Err, fmt.Sprintf("The new %s was %sd again.", c, verb))
	}
	return client.AddAdvice(
		unusable.Err,
		fmt.Sprintf("The new %s %s could not be %sd either (%v), so the state keeps it. The next apply creates "+
			"another %[1]s and %[3]ss this one.", c, ShortID(unusable.ID), verb, unusable.RevokeErr),
	)
}

// ShortID returns the first 12 characters of a credential's id, which are enough to find the credential.
func ShortID(id string) string { return id[:min(12, len(id))] }
