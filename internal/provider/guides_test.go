package provider_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// The table of days in "Credentials without outages": on each day the plan says what the table says, and at no time is
// there no token that both Key Vault and the workspace accept. An hour stands for
// a day, because the provider trusts no clock that is more than a day away from the machine's.
func TestGuideRotatesWithoutOutage(t *testing.T) {
	t.Parallel()
	const page, day = "docs/guides/credentials-without-outages.md", time.Hour
	block := ""
	for where, text := range documented(t) {
		if strings.HasPrefix(where, page) && strings.Contains(text, "dbxaccess_service_principal_token") {
			block = strings.ReplaceAll(text, "24 * 60 * 60", "60 * 60")
		}
	}
	w := acctest.New(t)
	w.Proxied()
	v := w.Tenant.NewVault("kv-scoring")
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant(w.EndpointName, w.ScoringApp.ClientID, "CAN_QUERY")
	c := w.CLI(t, block+"\noutput \"reason\" {\n  value = dbxaccess_service_principal_token.scoring.rotation_reason\n}\n")
	c.Env["TF_VAR_application_id"], c.Env["TF_VAR_client_secret"] = w.ScoringApp.ClientID, w.ScoringSecret
	c.MustRun(t, 0, "apply", "-auto-approve")
	first := v.Value("databricks-token")
	for _, on := range []struct {
		after  time.Duration // since the row before
		reason string        // empty: the plan is empty
		tokens int           // afterwards
	}{
		{19 * day, "", 1}, {day, "due", 2}, {day * 19 / 10, "", 2}, {day / 5, "overlap_ended", 1},
	} {
		w.Tenant.Clock.Advance(on.after)
		if on.reason == "" {
			c.MustRun(t, 0, "plan", "-detailed-exitcode")
		} else {
			c.MustRun(t, 2, "plan", "-detailed-exitcode", "-out=day.tfplan")
			var reason string
			c.MustRun(t, 0, "apply", "day.tfplan")
			if err := json.Unmarshal([]byte(c.MustRun(t, 0, "output", "-json", "reason").Stdout), &reason); err != nil || reason != on.reason {
				t.Errorf("after %v more it is %q and not %q: %v", on.after, reason, on.reason, err)
			}
		}
		if !opens(w, v.Value("databricks-token")) {
			t.Errorf("after %v more the token in Key Vault opens nothing", on.after)
		}
		if live := len(tokensOf(w)); live != on.tokens {
			t.Errorf("after %v more there are %d tokens and not %d", on.after, live, on.tokens)
		}
		if opens(w, first) != (on.reason != "overlap_ended") {
			t.Errorf("after %v more the first token works: %v", on.after, opens(w, first))
		}
	}
}
