package fwkit

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// The keys of private state for a credential that is rotated.
const (
	verdictKey  = "verdict"
	placesKey   = "places"
	importedKey = "imported"
)

// RotationMemory is what private state holds about a credential that is rotated.
type RotationMemory struct {
	Verdict        rotation.Verdict
	StoredVersions map[string]rotation.StoredVersion // by credential id: where its value is
	Imported       bool                              // the credential was imported and has not been changed since
}

// RecallRotation reads the memory of a credential from private state.
func RecallRotation(ctx context.Context, p ReadablePrivate, diags *diag.Diagnostics) RotationMemory {
	m := RotationMemory{
		Verdict:        Recall[rotation.Verdict](ctx, p, verdictKey, diags),
		StoredVersions: Recall[map[string]rotation.StoredVersion](ctx, p, placesKey, diags),
		Imported:       Recall[bool](ctx, p, importedKey, diags),
	}
	if m.StoredVersions == nil {
		m.StoredVersions = map[string]rotation.StoredVersion{}
	}
	return m
}

// Store writes the memory to private state, and deletes the keys of parts that are empty.
func (m RotationMemory) Store(ctx context.Context, p WritablePrivate, diags *diag.Diagnostics) {
	if m.Verdict.Empty() { // an empty verdict holds nothing but the credential's id
		Forget(ctx, p, verdictKey, diags)
	} else {
		Remember(ctx, p, verdictKey, m.Verdict, diags)
	}
	RememberUnlessZero(ctx, p, importedKey, m.Imported, diags)
	if len(m.StoredVersions) > 0 {
		Remember(ctx, p, placesKey, m.StoredVersions, diags)
	} else {
		Forget(ctx, p, placesKey, diags)
	}
}

// Replaced resets the verdict and Imported, because they were about a credential that a new one has replaced. If nobody
// can use the new credential, the new verdict is to rotate it.
func (m *RotationMemory) Replaced(now rotation.Status) {
	m.Verdict, m.Imported = rotation.Verdict{}, false
	if now.Unusable {
		m.Verdict = rotation.Verdict{ID: now.ID, Reason: rotation.Vault, Unusable: true}
	}
}

// OpenStore opens the secret for the value of a new credential that replaces the one of the state; see
// [rotation.OpenStore]. If the vault is new, the same apply may have just assigned a role for it. Only then is it worth
// waiting for the role.
func (m RotationMemory) OpenStore(
	ctx context.Context,
	c *client.Client,
	want *rotation.Secret,
	plan, state RotatedModel,
) (*rotation.Store, error) {
	patient := !plan.KeyVaultSecret.SamePlace(state.KeyVaultSecret)
	return rotation.OpenStore(ctx, c, want, slices.Collect(maps.Values(m.StoredVersions)), patient)
}

// ShowValue records where the value of a new credential is: in the state, in Key Vault, or in both.
func (m RotationMemory) ShowValue(of *Rotating, value string, v auth.SecretVersion) {
	of.Value = types.StringNull()
	if of.ValueInState.ValueBool() {
		of.Value = types.StringValue(value)
	}
	s := of.KeyVaultSecret
	if s == nil {
		return
	}
	s.ID, s.VersionlessID = String(v.URL), String(v.VersionlessURL)
	if v.ID != "" {
		m.StoredVersions[of.ID.ValueString()] = s.StoredVersion(v)
	}
}

// Unusable reports whether nobody can use a credential: it did not work when it was created, or its value was never
// stored. A refresh cannot find out whether a credential works, so the verdict of the creation is kept.
func (m RotationMemory) Unusable(of Rotating) bool {
	id := of.ID.ValueString()
	return m.Verdict.About(id).Unusable ||
		of.KeyVaultSecret != nil && m.StoredVersions[id].Version == "" && !of.ValueInState.ValueBool()
}

// DisableOthers disables the versions in Key Vault of all credentials except the current and the previous one of
// living, and removes them from the memory. A version that cannot be disabled stays in the memory, so that the next
// change or the destroy tries again; for each of these DisableOthers adds a warning about the object.
func (m *RotationMemory) DisableOthers(
	ctx context.Context,
	c *client.Client,
	living Rotating,
	summary, object string,
	diags *diag.Diagnostics,
) {
	for _, id := range slices.Sorted(maps.Keys(m.StoredVersions)) {
		if id == living.ID.ValueString() || id == living.PreviousID.ValueString() {
			continue
		}
		if err := rotation.Disable(ctx, c, m.StoredVersions[id]); err != nil {
			Warn(diags, err, summary, object)
			continue
		}
		delete(m.StoredVersions, id)
	}
}
