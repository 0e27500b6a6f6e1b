package token_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const (
	address    = "data.dbxaccess_tokens.x"
	managed    = "/token-management/tokens"
	principals = "/scim/v2/ServicePrincipals"
	users      = "/scim/v2/Users"
	day        = 24 * time.Hour
)

// newWorld returns a workspace with the scoring application as a service principal, and with one token of a person.
func newWorld(t *testing.T) *acctest.World {
	t.Helper()
	w := acctest.New(t)
	w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
	w.Workspace.SetGrant("authorization/tokens", w.ScoringApp.ClientID, "CAN_USE")
	return w
}

// api sends a request to the workspace with a token, without a provider, and decodes the answer into out.
func api(t *testing.T, w *acctest.World, bearer, method, path, body string, out any) {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+bearer)
	answer := httptest.NewRecorder()
	w.Workspace.ServeHTTP(answer, req)
	if answer.Code != 200 {
		t.Fatalf("%s %s answered %d %s", method, path, answer.Code, answer.Body)
	}
	if out != nil {
		if err := json.Unmarshal(answer.Body.Bytes(), out); err != nil {
			t.Fatal(err)
		}
	}
}
