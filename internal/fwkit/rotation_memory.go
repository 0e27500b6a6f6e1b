package fwkit

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"

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
