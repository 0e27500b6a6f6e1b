package serviceprincipaltoken_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// A service principal that Databricks created creates its token with its OAuth secret. No request goes to Entra ID, and
// the secret is stored nowhere.
func TestOwnerMadeByDatabricks(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	id := w.Workspace.AddServicePrincipal("", "managed")
	var application string
	for _, p := range w.Workspace.Snapshot().ServicePrincipals {
		if p.ID == id {
			application = p.ApplicationID
		}
	}
	w.Workspace.SetGrant("authorization/tokens", application, "CAN_USE")
	_, secret := w.Workspace.AddOAuthSecret(application, 24*time.Hour)
	p := w.Protocol(t)
	config := func(secret string) map[string]any {
		return map[string]any{"owner": map[string]any{"application_id": application,
			"databricks_client_secret_wo": secret}}
	}
	o := p.MustApply(t, "dbxaccess_service_principal_token", acctest.Object{}, config(secret))
	if tokens := w.Workspace.Snapshot().Tokens; len(tokens) != 2 || tokens[1].Owner != application {
		t.Errorf("%+v", tokens)
	}
	if strings.Contains(fmt.Sprint(o.State), secret) || strings.Contains(string(o.Private), secret) {
		t.Error("the secret is kept")
	}
	asked := w.Count("entra", "POST", "")
	opened, _, errors := p.Open(t, "dbxaccess_service_principal_token",
		map[string]any{"owner": map[string]any{"application_id": application, "databricks_client_secret": secret}})
	if errors != "" || opened.Result["token_value"] == nil || w.Count("entra", "POST", "") != asked {
		t.Errorf("%s", errors)
	}
	_, errors = p.Plan(t, "dbxaccess_service_principal_token", acctest.Object{}, map[string]any{
		"owner": map[string]any{"application_id": application, "databricks_client_secret_wo": secret, "client_secret_wo": "also"}})
	if !strings.Contains(errors, "Token owner has two credentials") {
		t.Error(errors)
	}
}
