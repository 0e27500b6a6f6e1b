package provider_test

import (
	"fmt"
	"slices"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const oauthSecretType = "dbxaccess_service_principal_oauth_secret"

// oauthSecretRows returns the rows for the attributes of OAuth secrets.
func (s *scene) oauthSecretRows() map[string]row {
	const secret = oauthSecretType + "."
	newest := func(show func(emulator.OAuthSecretState) string) func() string {
		return func() string {
			all := s.Workspace.Snapshot().OAuthSecrets
			if len(all) == 0 {
				return ""
			}
			return show(slices.MaxFunc(all, func(a, b emulator.OAuthSecretState) int { return a.Created.Compare(b.Created) }))
		}
	}
	owner := newest(func(o emulator.OAuthSecretState) string { return o.Owner })
	scopes := newest(func(o emulator.OAuthSecretState) string { return fmt.Sprint(o.Scopes) })
	days := newest(func(o emulator.OAuthSecretState) string {
		return fmt.Sprintf("%.0f", o.Expires.Sub(o.Created).Hours()/24)
	})
	block := func(name string, more ...any) map[string]any {
		out := map[string]any{"vault_uri": s.vault.URL(), "name": name}
		for i := 0; i < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	// overlap_seconds = 0 disables the old version at once.
	inVault := map[string]any{"key_vault_secret": block("token"), "overlap_seconds": 0}
	return map[string]row{
		secret + "application_id":                      {a: s.app, b: s.another, replaces: true, held: owner, heldA: s.app, heldB: s.another},
		secret + "scopes":                              {a: []any{"model-serving"}, b: []any{"authentication", "model-serving"}, along: map[string]any{"overlap_seconds": 0}, held: scopes, heldA: "[model-serving]", heldB: "[authentication model-serving]", heldAbsent: "[model-serving]", emptyValue: []any{}, empty: "refuses: at least 1"},
		secret + "lifetime_seconds":                    {besides: map[string]any{"overlap_seconds": 0}, a: 30 * 86400, b: 60 * 86400, absent: changes, held: days, heldA: "30", heldB: "60", heldAbsent: "90"},
		secret + "rotate_before_seconds":               {a: 10 * 86400, b: 20 * 86400, absent: changes},
		secret + "overlap_seconds":                     {a: 3600, b: 7200, absent: changes},
		secret + "rotation_triggers":                   {besides: map[string]any{"overlap_seconds": 0}, a: map[string]any{"k": "1"}, b: map[string]any{"k": "2"}, absent: changes, emptyValue: map[string]any{}, empty: changes},
		secret + "verify":                              {a: false, b: true, absent: changes},
		secret + "key_vault_secret":                    {besides: map[string]any{"overlap_seconds": 0}, a: block("token"), b: block("other"), absent: changes},
		secret + "key_vault_secret.vault_uri":          {besides: inVault, a: s.vault.URL()},
		secret + "key_vault_secret.name":               {besides: inVault, a: "token", b: "other"},
		secret + "key_vault_secret.content_type":       {besides: inVault, a: "text/plain", b: "text/x", absent: changes, emptyValue: "", empty: "refuses: between 1 and 255"},
		secret + "key_vault_secret.tags":               {besides: inVault, a: map[string]any{"k": "1"}, b: map[string]any{"k": "2"}, absent: changes, emptyValue: map[string]any{}, empty: changes},
		secret + "key_vault_secret.overwrite_existing": {besides: inVault, a: true, b: false, absent: changes},
		secret + "secret_value_in_state":               {besides: inVault, a: true, b: false, absent: changes},
		secret + "on_unverifiable":                     {a: "warn", b: "error", absent: changes, emptyValue: "", empty: "refuses: on_unverifiable"},
	}
}
