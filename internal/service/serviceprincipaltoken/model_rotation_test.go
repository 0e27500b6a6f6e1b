package serviceprincipaltoken

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

var made = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// of90 is a token of 90 seconds, due 30 before its end.
func of90() tokenModel {
	m := tokenModel{
		ID: types.StringValue("now"), TokenID: types.StringValue("now"), Owner: &ownerModel{ApplicationID: types.StringValue("app")},
		LifetimeSeconds: types.Int64Value(90), CreatedAt: fwkit.Time(made), ExpiresAt: fwkit.Time(made.Add(90 * time.Second)),
		RotationTriggers: types.MapNull(types.StringType), TokenValue: types.StringValue("dapi"),
	}
	m.complete()
	m.RotateAt = m.rotateAt()
	return m
}

func at(seconds int) time.Time { return made.Add(time.Duration(seconds) * time.Second) }

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
		m := tokenModel{LifetimeSeconds: types.Int64Value(tc.lifetime)}
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
		planned.settle(m)
		m.complete()
		for what, got := range map[string]tokenModel{"a refresh": m, "a plan": planned} {
			if got.RotateBeforeSeconds.ValueInt64() != tc.wantBefore || got.OverlapSeconds.ValueInt64() != tc.wantOverlap {
				t.Errorf("%+v: by %s %s and %s", tc, what, got.RotateBeforeSeconds, got.OverlapSeconds)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	withPrevious := func(m *tokenModel) {
		m.PreviousTokenID, m.PreviousTokenRevokeAt = types.StringValue("before"), fwkit.Time(at(20))
	}
	for name, tc := range map[string]struct {
		change func(*tokenModel)
		facts  facts
		want   verdict
	}{
		"young":               {nil, facts{Now: at(59), Live: true}, verdict{}},
		"due":                 {nil, facts{Now: at(60), Live: true}, verdict{Reason: reasonDue}},
		"never due":           {func(m *tokenModel) { m.RotateBeforeSeconds = types.Int64Value(0) }, facts{Now: at(89), Live: true}, verdict{}},
		"without an end":      {func(m *tokenModel) { m.ExpiresAt = types.StringNull() }, facts{Now: at(1000), Live: true}, verdict{}},
		"revoked":             {nil, facts{Now: at(89)}, verdict{Reason: reasonRevoked}},
		"expired":             {nil, facts{Now: at(90)}, verdict{Reason: reasonExpired}},
		"foreign":             {nil, facts{Now: at(70), Live: true, Owner: "other"}, verdict{Reason: reasonOwner}},
		"lost":                {nil, facts{Now: at(70), Live: true, VaultLost: true}, verdict{Reason: reasonVault}},
		"never stored":        {nil, facts{Now: at(10), Live: true, VaultLost: true, Useless: true}, verdict{Reason: reasonVault, Useless: true}},
		"within the overlap":  {withPrevious, facts{Now: at(19), Live: true}, verdict{}},
		"overlap over":        {withPrevious, facts{Now: at(20), Live: true}, verdict{Ended: "before"}},
		"overlap over, due":   {withPrevious, facts{Now: at(60), Live: true}, verdict{Ended: "before", Reason: reasonDue}},
		"overlap on, revoked": {withPrevious, facts{Now: at(10)}, verdict{Reason: reasonRevoked}},
	} {
		state := of90()
		if tc.change != nil {
			tc.change(&state)
		}
		tc.want.ID = "now"
		if got := judge(state, tc.facts); got != tc.want {
			t.Errorf("%s: %+v, not %+v", name, got, tc.want)
		}
		if tc.want.nothing() != (tc.want.Reason == "" && tc.want.Ended == "") {
			t.Errorf("%s: %+v", name, tc.want)
		}
	}
}

// What a plan shows, from configuration, state and verdict alone.
func TestDecideUpdate(t *testing.T) {
	t.Parallel()
	triggers := func(v attr.Value) types.Map {
		return types.MapValueMust(types.StringType, map[string]attr.Value{"a": v})
	}
	inVault := func(uri, name string) *secretModel {
		return &secretModel{VaultURI: types.StringValue(uri), Name: types.StringValue(name), ID: types.StringValue("id"), VersionlessID: types.StringValue("versionless")}
	}
	kept := func(m *tokenModel) {
		m.KeyVaultSecret, m.TokenValueInState, m.TokenValue = inVault("https://kv/", "n"), types.BoolValue(false), types.StringNull()
	}
	for name, tc := range map[string]struct {
		state    func(*tokenModel)
		config   func(*tokenModel)
		verdict  verdict
		imported bool
		reason   string // "": nothing; "?": known at apply
		previous string // "?": known at apply
	}{
		"nothing":                       {},
		"due":                           {verdict: verdict{ID: "now", Reason: reasonDue}, reason: reasonDue, previous: "now"},
		"for another id":                {verdict: verdict{ID: "other", Reason: reasonDue}},
		"revoked":                       {verdict: verdict{ID: "now", Reason: reasonRevoked}, reason: reasonRevoked},
		"lifetime":                      {config: func(m *tokenModel) { m.LifetimeSeconds = types.Int64Value(80) }, reason: reasonLifetime, previous: "now"},
		"lifetime of an imported token": {config: func(m *tokenModel) { m.LifetimeSeconds = types.Int64Value(80) }, imported: true, reason: reasonLifetime, previous: "now"},
		"unknown lifetime":              {config: func(m *tokenModel) { m.LifetimeSeconds = types.Int64Unknown() }, reason: "?", previous: "?"},
		"unknown lifetime, but due":     {config: func(m *tokenModel) { m.LifetimeSeconds = types.Int64Unknown() }, verdict: verdict{ID: "now", Reason: reasonDue}, reason: reasonDue, previous: "?"},
		"trigger":                       {config: func(m *tokenModel) { m.RotationTriggers = triggers(types.StringValue("x")) }, reason: reasonTrigger, previous: "now"},
		"first trigger of an imported":  {config: func(m *tokenModel) { m.RotationTriggers = triggers(types.StringValue("x")) }, imported: true},
		"unknown trigger":               {config: func(m *tokenModel) { m.RotationTriggers = triggers(types.StringUnknown()) }, reason: "?", previous: "?"},
		"no overlap": {config: func(m *tokenModel) {
			m.OverlapSeconds, m.RotationTriggers = types.Int64Value(0), triggers(types.StringValue("x"))
		}, reason: reasonTrigger, previous: "?"},
		"into a vault":        {config: func(m *tokenModel) { m.KeyVaultSecret = inVault("https://kv/", "n") }, reason: reasonVault, previous: "now"},
		"out of the vault":    {state: kept, config: func(m *tokenModel) { m.KeyVaultSecret = nil }, reason: reasonVault, previous: "now"},
		"same vault, written": {state: kept, config: func(m *tokenModel) { m.KeyVaultSecret = inVault("HTTPS://KV", "N") }},
		"another secret":      {state: kept, config: func(m *tokenModel) { m.KeyVaultSecret = inVault("https://kv/", "m") }, reason: reasonVault, previous: "now"},
		"also in the state":   {state: kept, config: func(m *tokenModel) { m.TokenValueInState = types.BoolValue(true) }, reason: reasonVault, previous: "now"},
		"overlap over": {state: func(m *tokenModel) { m.PreviousTokenID = types.StringValue("before") },
			verdict: verdict{ID: "now", Ended: "before"}, reason: reasonOverlapEnded},
		"overlap of another": {state: func(m *tokenModel) { m.PreviousTokenID = types.StringValue("before") },
			verdict: verdict{ID: "now", Ended: "earlier"}, previous: "before"},
		"revoked, and another still in use": {state: func(m *tokenModel) { m.PreviousTokenID = types.StringValue("before") },
			verdict: verdict{ID: "now", Reason: reasonRevoked}, reason: reasonRevoked, previous: "before"},
		"revoked, and the other's time over": {state: func(m *tokenModel) { m.PreviousTokenID = types.StringValue("before") },
			verdict: verdict{ID: "now", Reason: reasonRevoked, Ended: "before"}, reason: reasonRevoked, previous: "?"},
		"of no use, and another still in use": {state: func(m *tokenModel) { m.PreviousTokenID = types.StringValue("before") },
			verdict: verdict{ID: "now", Reason: reasonVault, Useless: true}, reason: reasonVault, previous: "before"},
	} {
		state := of90()
		if tc.state != nil {
			tc.state(&state)
		}
		// What configuration leaves out is null there, and in the plan as the framework proposes it.
		config, plan := state, state
		if s := state.KeyVaultSecret; s != nil {
			inConfig, inPlan := *s, *s
			config.KeyVaultSecret, plan.KeyVaultSecret = &inConfig, &inPlan
		}
		config.RotateBeforeSeconds, config.OverlapSeconds, config.TokenValueInState = types.Int64Null(), types.Int64Null(), types.BoolNull()
		if tc.config != nil {
			tc.config(&config)
			tc.config(&plan)
		}
		plan.decideUpdate(config, state, tc.verdict, tc.imported)

		shown := func(v types.String) string {
			if v.IsUnknown() {
				return "?"
			}
			return v.ValueString()
		}
		if got := shown(plan.RotationReason); got != tc.reason {
			t.Errorf("%s: reason %q, not %q", name, got, tc.reason)
		}
		if got := shown(plan.PreviousTokenID); got != tc.previous {
			t.Errorf("%s: the one before is %q, not %q", name, got, tc.previous)
		}
		rotates := tc.reason != "" && tc.reason != reasonOverlapEnded
		for what, value := range map[string]types.String{"id": plan.ID, "token_id": plan.TokenID, "created_at": plan.CreatedAt, "expires_at": plan.ExpiresAt, "rotate_at": plan.RotateAt} {
			if value.IsUnknown() != rotates {
				t.Errorf("%s: %s is %s", name, what, value)
			}
		}
		if inState := plan.TokenValueInState.ValueBool(); !rotates && !plan.TokenValue.Equal(state.TokenValue) || rotates && tc.reason != "?" && plan.TokenValue.IsUnknown() != inState {
			t.Errorf("%s: the value is %s", name, plan.TokenValue)
		}
		if s := plan.KeyVaultSecret; s != nil && (s.ID.IsUnknown() != rotates || s.samePlace(state.KeyVaultSecret) && s.VersionlessID.ValueString() != "versionless") {
			t.Errorf("%s: the secret is %+v", name, s)
		}
	}
}
