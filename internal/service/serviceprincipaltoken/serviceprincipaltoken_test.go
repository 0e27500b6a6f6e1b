package serviceprincipaltoken_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	address  = "dbxaccess_service_principal_token.this"
	rights   = "authorization/tokens"
	create   = "/api/2.0/token/create"
	update   = "/api/2.0/token/*"
	revoke   = "/api/2.0/token/delete" // sent twice per token: the second request must find that the token is gone
	managed  = "/api/2.0/token-management/tokens"
	managed1 = managed + "/*"
	day      = 24 * time.Hour

	// nineHours is a lifetime whose last third begins after six hours. All tests that use it end within a day of the
	// workspace's clock, because beyond that the provider does not believe the clock.
	nineHours = "lifetime_seconds = 32400"
)

// newWorld returns a workspace in which the scoring application may use tokens. After the test it checks that no live
// token of that application or of the deployer is left on the server.
func newWorld(t *testing.T) *acctest.World {
	t.Helper()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant(rights, w.ScoringApp.ClientID, "CAN_USE")
	t.Cleanup(func() {
		for _, owner := range []string{w.ScoringApp.ClientID, w.Deployer.ClientID} {
			if left := live(w, owner); len(left) > 0 {
				t.Errorf("tokens of %s are left on the server: %+v", owner, left)
			}
		}
	})
	return w
}

// live returns the tokens of an owner that have not expired.
func live(w *acctest.World, owner string) []emulator.TokenState {
	var found []emulator.TokenState
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.Owner == owner && (token.Expires.IsZero() || token.Expires.After(w.Tenant.Clock.Now())) {
			found = append(found, token)
		}
	}
	return found
}

// hcl returns the configuration of a token. ownerLines are the lines in its block owner, and lines are the lines beside
// that block.
func hcl(owner string, ownerLines string, lines ...string) string {
	return fmt.Sprintf("resource \"dbxaccess_service_principal_token\" \"this\" {\n  owner = {\n    application_id "+
		"= %q\n    %s\n  }\n  %s\n}\n",
		owner, ownerLines, strings.Join(lines, "\n  "))
}

// bySecret returns the configuration of a token of the scoring application, which logs in with its client secret.
func bySecret(w *acctest.World, lines ...string) string {
	return hcl(w.ScoringApp.ClientID, secretOf(w), lines...)
}

// fromVariable returns a line that sets an attribute without the value in the configuration: the value comes from a
// variable.
func fromVariable(w *acctest.World, name, value string) string { return name + " = " + w.Secret(value) }

// secretOf returns the line that sets the scoring application's client secret as its credential.
func secretOf(w *acctest.World) string { return fromVariable(w, "client_secret_wo", w.ScoringSecret) }

func byProvider(w *acctest.World, lines ...string) string {
	return hcl(w.Deployer.ClientID, "use_provider_identity = true", lines...)
}

// byPath returns the configuration of a token of the scoring application, which logs in with a certificate file without
// a password.
func byPath(t *testing.T, w *acctest.World, lines ...string) string {
	t.Helper()
	cert, key, err := w.Tenant.IssueClientCertificate("scoring", time.Now().Add(-time.Hour),
		time.Now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	w.ScoringApp.AddCertificate(cert)
	return hcl(w.ScoringApp.ClientID, attr("client_certificate_path",
		w.Write(t, "scoring.pem", acctest.PEM(t, key, cert))), lines...)
}

func attr(name, value string) string { return fmt.Sprintf("%s = %q", name, value) }

func has(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), check)
}

func tokenID() tfjsonpath.Path { return tfjsonpath.New("token_id") }

// one checks that the server has exactly one live token of the owner, that the state records that token, and that the
// token has this comment.
func one(w *acctest.World, owner, comment string) resource.TestCheckFunc {
	return func(s *terraform.State) error {
		tokens := live(w, owner)
		if len(tokens) != 1 {
			return fmt.Errorf("the server holds %d live tokens of the owner: %+v", len(tokens), tokens)
		}
		state := s.RootModule().Resources[address].Primary
		if tokens[0].ID != state.ID || state.ID != state.Attributes["token_id"] {
			return fmt.Errorf("the server holds token %s, the state %s", tokens[0].ID, state.ID)
		}
		if tokens[0].Comment != comment {
			return fmt.Errorf("its comment on the server is %q, not %q", tokens[0].Comment, comment)
		}
		return nil
	}
}

// fits checks that the state holds the value of its token: the token's id is the SHA-256 of the value.
func fits(s *terraform.State) error {
	state := s.RootModule().Resources[address].Primary
	if sum := sha256.Sum256([]byte(state.Attributes["token_value"])); hex.EncodeToString(sum[:]) != state.ID {
		return fmt.Errorf("the value in state is not that of token %s", state.ID)
	}
	return nil
}

// asked checks how many requests of a kind were sent since the journal was last reset.
func asked(t *testing.T, w *acctest.World, want int, service, method, route string) {
	t.Helper()
	if got := w.Count(service, method, route); got != want {
		t.Errorf("%d requests %s %s %s, not %d", got, service, method, route, want)
	}
}

// loginsBy returns how many tokens Entra ID issued to an application.
func loginsBy(w *acctest.World, clientID string) int {
	n := 0
	for _, e := range w.Tenant.Journal.Entries() {
		if e.Service == "entra" && e.Method == "POST" && e.Caller == clientID {
			n++
		}
	}
	return n
}
