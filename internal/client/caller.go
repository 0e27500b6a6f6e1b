package client

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// callerOf describes who sent a request that was refused: the kind of login, where the login is configured, the client
// id and the tenant. It reads from the access token what the configuration leaves out, such as the user of the Azure
// CLI.
func callerOf(login *auth.Login, r *http.Request) string {
	identity := login.Identity()
	var claims struct {
		AppID, AZP, TID, UPN string
		UniqueName           string `json:"unique_name"`
	}
	if identity.ClientID == "" || identity.TenantID == "" {
		// A Databricks token has no claims, so nothing more is known about its owner.
		text, err := auth.Claims(bearerOf(r))
		if err == nil {
			_ = json.Unmarshal([]byte(text), &claims)
		}
	}
	description := string(login.Kind) + " login"
	if login.Source != "" {
		description += " from " + login.Source
	}
	user := cmp.Or(claims.UPN, claims.UniqueName)
	for _, fact := range []struct{ name, value string }{
		{"user", user},
		{"client id", cmp.Or(identity.ClientID, claims.AppID, claims.AZP)},
		{"tenant", cmp.Or(identity.TenantID, claims.TID)},
	} {
		if fact.value != "" && (fact.name != "client id" || user == "") { // a user's client id is that of the Azure CLI
			description += ", " + fact.name + " " + fact.value
		}
	}
	return description
}
