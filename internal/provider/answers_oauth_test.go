package provider_test

import (
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// oauthOperations returns the operations that manage or use OAuth secrets.
func oauthOperations() map[string]operation {
	secret := func(w *acctest.World) map[string]any {
		return map[string]any{"application_id": w.ScoringApp.ClientID, "lifetime_seconds": 32400, "overlap_seconds": 0}
	}
	has := func(n int) func(*acctest.World) bool {
		return func(w *acctest.World) bool { return len(w.Workspace.Snapshot().OAuthSecrets) == n }
	}
	return map[string]operation{
		oauthSecretType + "/create":  {do: apply(oauthSecretType, secret), done: has(1)},
		oauthSecretType + "/refresh": {prepare: made(oauthSecretType, secret), do: refresh(oauthSecretType)},
		oauthSecretType + "/rotate": {
			prepare: made(oauthSecretType, secret), do: applyAlone(oauthSecretType,
				with(secret, map[string]any{"rotation_triggers": map[string]any{"a": "b"}})), done: has(1),
		},
		oauthSecretType + "/destroy": {prepare: made(oauthSecretType, secret),
			do: applyAlone(oauthSecretType, noAttributes), done: has(0)},
		oauthSecretType + "/refresh and destroy": {prepare: made(oauthSecretType, secret),
			do: apply(oauthSecretType, noAttributes), done: has(0)},

		"data.dbxaccess_oauth_secrets/of one": readData("dbxaccess_oauth_secrets", func(w *acctest.World) map[string]any {
			return map[string]any{"application_id": w.ScoringApp.ClientID}
		}),
		"ephemeral.dbxaccess_oauth_token/open": {
			prepare: func(_ *testing.T, w *acctest.World, _ *acctest.Protocol) acctest.Object {
				_, w.Env["OAUTH_SECRET_OF_THIS_TEST"] = w.Workspace.AddOAuthSecret(w.ScoringApp.ClientID, time.Hour)
				return acctest.Object{}
			},
			do: func(t *testing.T, w *acctest.World, p *acctest.Protocol, _ acctest.Object) outcome {
				_, warnings, errors := p.Open(t, "dbxaccess_oauth_token",
					map[string]any{"client_id": w.ScoringApp.ClientID,
						"client_secret": w.Env["OAUTH_SECRET_OF_THIS_TEST"]})
				return outcome{nil, warnings, errors}
			},
		},
	}
}
