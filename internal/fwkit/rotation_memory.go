package fwkit

import (
	"context"
	"encoding/json"
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

// RotationMemory is what private state holds of a credential that is rotated.
type RotationMemory struct {
	Verdict  rotation.Verdict
	Places   map[string]rotation.Place // where the values of live credentials are, by credential id
	Imported bool                      // and not changed since
}

// RecallRotation reads private state.
func RecallRotation(ctx context.Context, from interface {
	GetKey(context.Context, string) ([]byte, diag.Diagnostics)
}, diags *diag.Diagnostics) RotationMemory {
	m := RotationMemory{Places: map[string]rotation.Place{}}
	for key, into := range map[string]any{verdictKey: &m.Verdict, placesKey: &m.Places, importedKey: &m.Imported} {
		raw, more := from.GetKey(ctx, key)
		diags.Append(more...)
		if len(raw) > 0 {
			_ = json.Unmarshal(raw, into) // the provider wrote it
		}
	}
	return m
}

// WritablePrivate is private state of a response.
type WritablePrivate interface {
	SetKey(context.Context, string, []byte) diag.Diagnostics
}

// Store writes what there is to remember, and deletes what there is not.
func (m RotationMemory) Store(ctx context.Context, to WritablePrivate, diags *diag.Diagnostics) {
	for key, value := range map[string]struct {
		any
		keep bool
	}{
		verdictKey:  {m.Verdict, !m.Verdict.Empty()},
		placesKey:   {m.Places, len(m.Places) > 0},
		importedKey: {m.Imported, m.Imported},
	} {
		var raw []byte
		if value.keep {
			raw, _ = json.Marshal(value.any) // strings and maps of them
		}
		diags.Append(to.SetKey(ctx, key, raw)...)
	}
}

// DisableOthers disables the versions in Key Vault of credentials that no longer live. One that cannot be disabled
// stays in memory: the next change or the destroy tries again, and failed is called with the reason.
func (m *RotationMemory) DisableOthers(ctx context.Context, c *client.Client, living []string, failed func(error)) {
	for _, id := range slices.Sorted(maps.Keys(m.Places)) {
		if slices.Contains(living, id) {
			continue
		}
		if err := rotation.Disable(ctx, c, m.Places[id]); err != nil {
			failed(err)
			continue
		}
		delete(m.Places, id)
	}
}
