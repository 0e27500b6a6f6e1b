package fwkit_test

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

var made = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// of90 returns a token with a lifetime of 90 seconds, which is due for rotation 30 seconds before it expires.
func of90() fwkit.Rotating {
	m := fwkit.Rotating{
		RotatedModel: fwkit.RotatedModel{
			ID: types.StringValue("now"), LifetimeSeconds: types.Int64Value(90),
			RotationTriggers: types.MapNull(types.StringType),
			CreatedAt:        fwkit.Time(made), ExpiresAt: fwkit.Time(made.Add(90 * time.Second)),
		},
		Value: types.StringValue("dapi"),
	}
	m.Complete()
	m.RotateAt = m.DueAt()
	return m
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ lifetime, before, overlap, wantBefore, wantOverlap int64 }{
		{90 * 86400, -1, -1, 30 * 86400, 86400},
		{90, -1, -1, 30, 30},
		{90, 10, -1, 10, 10},
		{90, 0, -1, 0, 90},
		{90 * 86400, 0, -1, 0, 86400},
		{2, -1, -1, 0, 2},
		{90, 10, 0, 10, 0},
	} {
		m := fwkit.Rotating{RotatedModel: fwkit.RotatedModel{LifetimeSeconds: types.Int64Value(tc.lifetime)}}
		for _, given := range []struct {
			value int64
			into  *types.Int64
		}{{tc.before, &m.RotateBeforeSeconds}, {tc.overlap, &m.OverlapSeconds}} {
			*given.into = types.Int64Null()
			if given.value >= 0 {
				*given.into = types.Int64Value(given.value)
			}
		}
		planned := m
		planned.FillDefaults(m)
		m.Complete()
		for what, got := range map[string]fwkit.Rotating{"a refresh": m, "a plan": planned} {
			if got.RotateBeforeSeconds.ValueInt64() != tc.wantBefore ||
				got.OverlapSeconds.ValueInt64() != tc.wantOverlap {
				t.Errorf("%+v: by %s %s and %s", tc, what, got.RotateBeforeSeconds, got.OverlapSeconds)
			}
		}
	}
}

// TestPlanUpdate checks what a plan shows. The plan depends only on the configuration, the state and the verdict of the
// last refresh.
func TestPlanUpdate(t *testing.T) {
	t.Parallel()
	triggers := func(v attr.Value) types.Map {
		return types.MapValueMust(types.StringType, map[string]attr.Value{"a": v})
	}
	inVault := func(uri, name string) *fwkit.VaultSecret {
		return &fwkit.VaultSecret{VaultURI: types.StringValue(uri), Name: types.StringValue(name),
			ID: types.StringValue("id"), VersionlessID: types.StringValue("versionless")}
	}
	kept := func(m *fwkit.Rotating) {
		m.KeyVaultSecret, m.ValueInState, m.Value = inVault("https://kv/",
			"n"), types.BoolValue(false), types.StringNull()
	}
	for name, tc := range map[string]struct {
		state    func(*fwkit.Rotating)
		config   func(*fwkit.Rotating)
		verdict  rotation.Verdict
		imported bool
		reason   string // "": no reason; "?": known only at apply
		previous string // "?": known at apply
	}{
		"nothing":                      {},
		"due":                          {verdict: rotation.Verdict{ID: "now", Reason: rotation.Due}, reason: string(rotation.Due), previous: "now"},
		"for another id":               {verdict: rotation.Verdict{ID: "other", Reason: rotation.Due}},
		"revoked":                      {verdict: rotation.Verdict{ID: "now", Reason: rotation.Revoked}, reason: string(rotation.Revoked)},
		"lifetime":                     {config: func(m *fwkit.Rotating) { m.LifetimeSeconds = types.Int64Value(80) }, reason: string(rotation.Lifetime), previous: "now"},
		"lifetime of an imported one":  {config: func(m *fwkit.Rotating) { m.LifetimeSeconds = types.Int64Value(80) }, imported: true, reason: string(rotation.Lifetime), previous: "now"},
		"unknown lifetime":             {config: func(m *fwkit.Rotating) { m.LifetimeSeconds = types.Int64Unknown() }, reason: "?", previous: "?"},
		"unknown lifetime, but due":    {config: func(m *fwkit.Rotating) { m.LifetimeSeconds = types.Int64Unknown() }, verdict: rotation.Verdict{ID: "now", Reason: rotation.Due}, reason: string(rotation.Due), previous: "?"},
		"trigger":                      {config: func(m *fwkit.Rotating) { m.RotationTriggers = triggers(types.StringValue("x")) }, reason: string(rotation.Trigger), previous: "now"},
		"first trigger of an imported": {config: func(m *fwkit.Rotating) { m.RotationTriggers = triggers(types.StringValue("x")) }, imported: true},
		"unknown trigger":              {config: func(m *fwkit.Rotating) { m.RotationTriggers = triggers(types.StringUnknown()) }, reason: "?", previous: "?"},
		"no overlap": {config: func(m *fwkit.Rotating) {
			m.OverlapSeconds, m.RotationTriggers = types.Int64Value(0), triggers(types.StringValue("x"))
		}, reason: string(rotation.Trigger), previous: "?"},
		"into a vault":        {config: func(m *fwkit.Rotating) { m.KeyVaultSecret = inVault("https://kv/", "n") }, reason: string(rotation.Vault), previous: "now"},
		"out of the vault":    {state: kept, config: func(m *fwkit.Rotating) { m.KeyVaultSecret = nil }, reason: string(rotation.Vault), previous: "now"},
		"same vault, written": {state: kept, config: func(m *fwkit.Rotating) { m.KeyVaultSecret = inVault("HTTPS://KV", "N") }},
		"another secret":      {state: kept, config: func(m *fwkit.Rotating) { m.KeyVaultSecret = inVault("https://kv/", "m") }, reason: string(rotation.Vault), previous: "now"},
		"also in the state":   {state: kept, config: func(m *fwkit.Rotating) { m.ValueInState = types.BoolValue(true) }, reason: string(rotation.Vault), previous: "now"},
		"overlap over": {state: func(m *fwkit.Rotating) { m.PreviousID = types.StringValue("before") },
			verdict: rotation.Verdict{ID: "now", Ended: "before"}, reason: string(rotation.OverlapEnded)},
		"overlap of another": {state: func(m *fwkit.Rotating) { m.PreviousID = types.StringValue("before") },
			verdict: rotation.Verdict{ID: "now", Ended: "earlier"}, previous: "before"},
		"revoked, and another still in use": {state: func(m *fwkit.Rotating) { m.PreviousID = types.StringValue("before") },
			verdict: rotation.Verdict{ID: "now", Reason: rotation.Revoked}, reason: string(rotation.Revoked),
			previous: "before"},
		"revoked, and the other's time over": {state: func(m *fwkit.Rotating) { m.PreviousID = types.StringValue("before") },
			verdict: rotation.Verdict{ID: "now", Reason: rotation.Revoked, Ended: "before"},
			reason:  string(rotation.Revoked), previous: "?"},
		"of no use, and another still in use": {state: func(m *fwkit.Rotating) { m.PreviousID = types.StringValue("before") },
			verdict: rotation.Verdict{ID: "now", Reason: rotation.Vault, Unusable: true},
			reason:  string(rotation.Vault), previous: "before"},
	} {
		state := of90()
		if tc.state != nil {
			tc.state(&state)
		}
		// An attribute that the configuration leaves out is null in it, and null in the plan that the framework
		// proposes.
		config, plan := state, state
		if s := state.KeyVaultSecret; s != nil {
			inConfig, inPlan := *s, *s
			config.KeyVaultSecret, plan.KeyVaultSecret = &inConfig, &inPlan
		}
		config.RotateBeforeSeconds, config.OverlapSeconds, config.ValueInState = types.Int64Null(), types.Int64Null(), types.BoolNull()
		if tc.config != nil {
			tc.config(&config)
			tc.config(&plan)
		}
		plan.PlanUpdate(config, state, tc.verdict, tc.imported)

		shown := func(v types.String) string {
			if v.IsUnknown() {
				return "?"
			}
			return v.ValueString()
		}
		if got := shown(plan.RotationReason); got != tc.reason {
			t.Errorf("%s: reason %q, not %q", name, got, tc.reason)
		}
		if got := shown(plan.PreviousID); got != tc.previous {
			t.Errorf("%s: the one before is %q, not %q", name, got, tc.previous)
		}
		rotates := tc.reason != "" && tc.reason != string(rotation.OverlapEnded)
		for what, value := range map[string]types.String{"id": plan.ID, "created_at": plan.CreatedAt,
			"expires_at": plan.ExpiresAt, "rotate_at": plan.RotateAt} {
			if value.IsUnknown() != rotates {
				t.Errorf("%s: %s is %s", name, what, value)
			}
		}
		if inState := plan.ValueInState.ValueBool(); !rotates && !plan.Value.Equal(state.Value) || rotates &&
			tc.reason != "?" && plan.Value.IsUnknown() != inState {
			t.Errorf("%s: the value is %s", name, plan.Value)
		}
		if s := plan.KeyVaultSecret; s != nil && (s.ID.IsUnknown() != rotates || s.SameSecret(state.KeyVaultSecret) &&
			s.VersionlessID.ValueString() != "versionless") {
			t.Errorf("%s: the secret is %+v", name, s)
		}
	}
}
