package provider_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// Terraform plans before it destroys, so an error in that plan holds up the destroy. The rows cover all errors that the
// resources report while Terraform validates, refreshes or plans, and the states in which an error could be expected. A
// destroy of each state succeeds at once, or its error names a way out, after which the destroy succeeds.
type ruin struct {
	types   []string             // resource types that the row tests
	before  func(*ruined) string // configuration that is applied; if nil, all of blocks
	spoil   func(*ruined)        // what happens afterwards
	destroy []string             // further arguments of the first destroy
	says    []string             // words of its error; if empty, it succeeds
	fails   int                  // number of errors, if that is certain
	out     func(*ruined)        // what the error advises
	then    []string             // further arguments of the final destroy
	stays   []string             // what the advised way leaves in the workspace on purpose
	cli     bool                 // the row needs the real CLI
}

// ruined is the workspace and the folder of one row.
type ruined struct {
	*acctest.World
	t      *testing.T
	cli    *acctest.CLI
	blocks map[string]string // a resource of each type
	host   string
}

func (r *ruined) pem(name string) string {
	r.t.Helper()
	cert, key, err := r.Tenant.IssueClientCertificate(name, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	if err != nil {
		r.t.Fatal(err)
	}
	r.ScoringApp.AddCertificate(cert)
	return r.Write(r.t, name, acctest.PEM(r.t, key, cert))
}

// token returns HCL of a token that is created with the certificate in a file.
func (r *ruined) token(name, file, lines string) string {
	return fmt.Sprintf("resource %q %q {\n  owner = {\n    application_id          = %q\n    "+
		"client_certificate_path = %q\n  }\n  comment = \"managed\"\n  %s\n}\n",
		tokenType, name, r.ScoringApp.ClientID, file, lines)
}

func (r *ruined) all() string {
	var hcl strings.Builder
	for _, block := range r.blocks {
		hcl.WriteString(block)
	}
	return hcl.String()
}

func newRuined(t *testing.T) *ruined {
	t.Helper()
	r := &ruined{World: keptWorld(t), t: t}
	r.host = r.Env["DBXACCESS_HOST"]
	app := r.ScoringApp.ClientID
	r.blocks = map[string]string{
		grantType: fmt.Sprintf("resource %q \"x\" {\n  endpoint_name = \"iris\"\n  service_principal_name = "+
			"%q\n}\n", grantType, app),
		listType: fmt.Sprintf("resource %q \"x\" {\n  endpoint_name = \"fresh\"\n  service_principals = { "+
			"%q = \"CAN_QUERY\" }\n  users = { \"ada@example.com\" = \"CAN_MANAGE\" }\n  on_unlisted = \"error\"\n}\n",
			listType, app),
		rightType: fmt.Sprintf("resource %q \"x\" {\n  service_principal_name = %q\n}\n", rightType, app),
		memberType: fmt.Sprintf("resource %q \"x\" {\n  group_name = \"data scientists\"\n  application_id = "+
			"%q\n}\n", memberType, app),
		principalType: fmt.Sprintf("resource %q \"x\" {\n  application_id = %q\n  adopt_existing = true\n  "+
			"on_destroy = \"delete\"\n}\n", principalType, adopted),
		tokenType:       r.token("x", r.pem("scoring.pem"), ""),
		oauthSecretType: fmt.Sprintf("resource %q \"x\" {\n  application_id = %q\n}\n", oauthSecretType, app),
	}
	return r
}

// remaining returns what the workspace still holds of the objects that the blocks manage.
func (r *ruined) remaining() (left []string) {
	app, now := r.ScoringApp.ClientID, r.Workspace.Snapshot()
	for _, e := range now.Endpoints {
		if level := r.Workspace.Grants(e.Name)[app]; level != "" {
			left = append(left, e.Name)
		}
	}
	if slices.Contains(now.TokenGrants, "service_principal_name="+app+" CAN_USE") {
		left = append(left, "right")
	}
	for _, g := range now.Groups {
		if slices.Contains(g.Members, app) || g.Name == "admins" && slices.Contains(g.Members, r.Deployer.ClientID) {
			left = append(left, g.Name)
		}
	}
	for _, p := range now.ServicePrincipals {
		if p.ApplicationID == adopted {
			left = append(left, "principal")
		}
	}
	for _, k := range now.Tokens {
		if k.Comment == "managed" {
			left = append(left, "token")
		}
	}
	if len(now.OAuthSecrets) > 0 {
		left = append(left, "OAuth secret")
	}
	return left
}

// moveFromOfficial moves an access list and a token from the official provider into a folder, without a later plan.
func (r *ruined) moveFromOfficial() string {
	app := r.ScoringApp.ClientID
	c := r.cli
	acctest.ServeOfficial(r.t, c, r.OfficialPermissions(), r.OfficialToken(app))
	c.Rewrite(r.t, acctest.OfficialSource+fmt.Sprintf(`
resource "databricks_permissions" "x" {
  serving_endpoint_id = %q
  access_control {
    service_principal_name = %q
    permission_level       = "CAN_QUERY"
  }
}

resource "databricks_token" "x" {
  comment          = "managed"
  lifetime_seconds = 7776000
}
`, r.EndpointID, app))
	c.MustRun(r.t, 0, "apply", "-auto-approve")
	moved := func(from, to string) string {
		return fmt.Sprintf("moved {\n  from = %s.x\n  to   = %s.x\n}\n", from, to)
	}
	return acctest.OfficialSource + strings.ReplaceAll(r.blocks[listType], "fresh", "iris") + r.blocks[tokenType] +
		moved("databricks_permissions", listType) + moved("databricks_token", tokenType)
}

var everyType = []string{grantType, listType, rightType, memberType, principalType, tokenType, oauthSecretType}

const admins = "admins"

func ruinedStates() map[string]ruin {
	return map[string]ruin{
		"another workspace": {
			cli:   true,
			types: everyType,
			spoil: func(r *ruined) { _, r.Env["DBXACCESS_HOST"] = r.OtherWorkspace(r.t) },
			says: []string{"Wrong workspace", "Correct host (or the environment variable)", "terraform state rm " +
				"<address>, or a removed block"}, fails: 7,
			out: func(r *ruined) { r.Env["DBXACCESS_HOST"] = r.host },
		},
		"another workspace, forgotten": {
			cli:   true,
			types: everyType,
			spoil: func(r *ruined) { _, r.Env["DBXACCESS_HOST"] = r.OtherWorkspace(r.t) },
			says: []string{"Wrong workspace", "or a removed block with lifecycle { destroy = false }",
				"OpenTofu applies with -refresh=false only"}, fails: 7,
			out: func(r *ruined) {
				var removed strings.Builder
				for _, name := range everyType {
					fmt.Fprintf(&removed, "removed {\n  from = %s.x\n  lifecycle {\n    destroy = false\n "+
						" }\n}\n", name)
				}
				r.cli.Rewrite(r.t, removed.String())
				apply := []string{"apply", "-auto-approve"}
				if acctest.IsOpenTofu(r.t) { // OpenTofu also reads what it is about to forget
					apply = append(apply, "-refresh=false")
				}
				r.cli.MustRun(r.t, 0, apply...)
			},
			stays: []string{"fresh", "iris", "right", "data scientists", "principal", "token", "OAuth secret"},
		},
		"no rights": {
			types: everyType,
			spoil: func(r *ruined) {
				r.Workspace.RemoveFromGroup(admins, r.Deployer.ClientID)
				r.Workspace.RemoveGrant("fresh", r.Deployer.ClientID)
				r.Workspace.RemoveGrant("iris", r.Deployer.ClientID)
			},
			says: []string{
				"Cannot read access to serving endpoint", "Cannot read the access list of serving endpoint",
				"and CAN_MANAGE to change who may call it", "Cannot read the right to use tokens",
				"Cannot read group", "Cannot read service principal", "Cannot read token", "Cannot read OAuth secret",
				`group "admins"`, "terraform destroy -refresh=false -target=ADDRESS",
			}, fails: 7,
			out: func(r *ruined) { r.Workspace.AddToGroup(admins, r.Deployer.ClientID) },
		},
		"the service fails": {
			types: everyType,
			spoil: func(r *ruined) {
				r.Env["DBXACCESS_RETRY_TIMEOUT_SECONDS"] = "1"
				r.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "GET", Status: 503, Times: -1})
			},
			says: []string{"Try again later."}, fails: 7,
			out: func(r *ruined) { r.Tenant.Faults.Clear() },
		},
		"every object was deleted": {
			types: everyType,
			spoil: func(r *ruined) {
				for _, endpoint := range []string{"iris", "fresh"} {
					r.Workspace.DeleteEndpoint(endpoint)
				}
				for _, principal := range []string{r.ScoringApp.ClientID, adopted, "data scientists"} {
					r.Workspace.RemovePrincipal(principal)
				}
				_ = os.Remove(r.Dir + "/scoring.pem")
			},
		},
		"a grant that is not listed": {
			types: []string{listType},
			spoil: func(r *ruined) { r.Workspace.SetGrant("fresh", "users", "CAN_VIEW") },
		},
		"configuration that is refused": {
			types: everyType,
			spoil: func(r *ruined) { r.cli.Rewrite(r.t, r.all()+r.refused()) },
			says: []string{
				"Service principal has neither application id nor name", "adopt_existing requires on_destroy",
				"Nothing to adopt without an application id", "workspace-consume excludes other entitlements",
				"Grant names more than one principal", "Grant names no principal", "Principal is listed twice",
				"Principal is listed and ignored", "Ignored principal has no kind or no name",
				"Token owner has no credential", "Token owner has two credentials",
				"Credential of the token's owner is empty", "Certificate password without a certificate",
				"Key Vault credential of the owner is not clear", "Password in Key Vault without a certificate",
				"Token would be rotated by every plan", "Overlap of the token is too long",
				"token_value_in_state = false requires key_vault_secret",
				"secret_value_in_state = false requires key_vault_secret",
				"Not an application id", "Not the name of a serving endpoint",
				"Not the name of a Key Vault secret for the token", "Not the address of a vault for the token",
			},
			out: func(r *ruined) { r.cli.Rewrite(r.t, r.all()) },
		},
		"the provider's own rights": {
			cli:   true,
			types: []string{memberType, principalType},
			before: func(r *ruined) string {
				self := r.Deployer.ClientID
				return strings.NewReplacer("data scientists", admins, r.ScoringApp.ClientID,
					self).Replace(r.blocks[memberType]) +
					strings.Replace(r.blocks[principalType], adopted, self, 1) + r.blocks[grantType]
			},
			says: []string{
				"The plan would take the provider's own rights away", "The plan would lock the provider out",
				`apply on_destroy = "retain"`, "a removed block with lifecycle { destroy = false }",
			}, fails: 2,
			out: func(r *ruined) {
				r.cli.Rewrite(r.t, strings.Replace(strings.Replace(r.blocks[principalType], adopted,
					r.Deployer.ClientID, 1), `"delete"`, `"retain"`, 1)+
					r.blocks[grantType]+"removed {\n  from = "+memberType+".x\n  lifecycle {\n    destroy = "+
					"false\n  }\n}\n")
				r.cli.MustRun(r.t, 0, "apply", "-auto-approve")
			},
			stays: []string{"data scientists", "principal"}, // existed before, and are not managed here
		},
		"moved from the official provider": {
			cli:   true,
			types: []string{listType, tokenType}, before: (*ruined).moveFromOfficial,
		},
		"moved from the official provider, not refreshed": {
			cli:   true,
			types: []string{listType, tokenType}, before: (*ruined).moveFromOfficial,
			destroy: []string{"-refresh=false"},
		},
		"moved from the official provider, by who is no admin": {
			cli:   true,
			types: []string{listType, tokenType}, before: (*ruined).moveFromOfficial,
			spoil: func(r *ruined) {
				r.Workspace.RemoveFromGroup(admins, r.Deployer.ClientID)
				r.Workspace.SetGrant("authorization/tokens", r.Deployer.ClientID, "CAN_USE")
				// Otherwise the list would be empty, which proves nothing.
				r.Workspace.MintToken(r.Deployer.ClientID, "another", time.Hour)
			},
			says: []string{"the token is not among the tokens of the provider's identity, and may belong to " +
				"another principal", `Add the provider's identity to the group "admins"`}, fails: 1,
			out: func(r *ruined) { r.Workspace.AddToGroup(admins, r.Deployer.ClientID) },
		},
		"the last token of who is no admin was revoked": {
			types: []string{tokenType},
			before: func(r *ruined) string {
				return fmt.Sprintf("resource %q \"x\" {\n  owner = {\n    application_id = %q\n    "+
					"use_provider_identity = true\n  }\n  comment = \"managed\"\n}\n", tokenType, r.Deployer.ClientID)
			},
			spoil: func(r *ruined) {
				r.Workspace.RemoveFromGroup(admins, r.Deployer.ClientID)
				r.Workspace.SetGrant("authorization/tokens", r.Deployer.ClientID, "CAN_USE")
				for _, k := range r.Workspace.Snapshot().Tokens {
					if k.Comment == "managed" {
						r.Workspace.RevokeToken(k.ID)
					}
				}
			},
			says: []string{"the workspace returned an empty list of the owner's tokens", "To destroy it, run " +
				"terraform destroy -refresh=false -target=ADDRESS"}, fails: 1,
			out: func(*ruined) {}, then: []string{"-refresh=false"},
		},
		"moved from the official provider, endpoint deleted": {
			cli:   true,
			types: []string{listType, tokenType}, before: (*ruined).moveFromOfficial,
			spoil: func(r *ruined) { r.Workspace.DeleteEndpoint("iris") },
			says: []string{"Cannot find the serving endpoint of the moved access list", "If the endpoint does not " +
				"exist any more, remove the moved block, and remove the old address from the state: terraform " +
				"state rm <address>"},
			fails: 1,
			out: func(r *ruined) {
				r.cli.MustRun(r.t, 0, "state", "rm", "databricks_permissions.x")
				r.cli.Rewrite(r.t, r.blocks[tokenType]+"moved {\n  from = databricks_token.x\n  to   = "+
					tokenType+".x\n}\n")
			},
		},
		"an owner's certificate that is of no use": {
			cli:   true,
			types: []string{tokenType},
			before: func(r *ruined) string {
				hcl := ""
				for _, name := range []string{"expired", "garbage", "missing", "expired-revoked", "garbage-revoked",
					"missing-revoked"} {
					hcl += r.token(name, r.pem(name), fmt.Sprintf("rotation_triggers = { name = %q }", name))
				}
				return hcl
			},
			spoil: func(r *ruined) {
				for _, k := range r.Workspace.Snapshot().Tokens {
					if k.Comment == "managed" && strings.Contains(r.cli.State(r.t), k.ID) && r.isRevoked(k.ID) {
						r.Workspace.RevokeToken(k.ID)
					}
				}
				for _, suffix := range []string{"", "-revoked"} {
					cert, key, err := r.Tenant.IssueClientCertificate("old", time.Now().AddDate(-1, 0, 0),
						time.Now().Add(-time.Hour))
					if err != nil {
						r.t.Fatal(err)
					}
					r.Write(r.t, "expired"+suffix, acctest.PEM(r.t, key, cert))
					r.Write(r.t, "garbage"+suffix, []byte("garbage"))
					if err := os.Remove(r.Dir + "/missing" + suffix); err != nil {
						r.t.Fatal(err)
					}
				}
			},
		},
		"tokens that cannot be made": {
			cli:   true,
			types: []string{tokenType},
			before: func(r *ruined) string {
				r.Proxied() // the public cloud, whose vaults have other host names
				return r.blocks[tokenType] + r.blocks[rightType]
			},
			spoil: func(r *ruined) {
				garbage := r.Write(r.t, "garbage.pem", []byte("garbage"))
				r.cli.Rewrite(r.t, r.blocks[tokenType]+r.blocks[rightType]+r.token("garbage", garbage, "")+
					r.token("vault", r.Dir+"/scoring.pem", "key_vault_secret = {\n    vault_uri = "+
						"\"https://kv-other.vault.azure.cn\"\n    name = \"scoring\"\n  }"))
			},
			says: []string{"garbage.pem", "cannot use the Key Vault of the token", "remove this block and apply, " +
				"or run terraform destroy -refresh=false"}, fails: 2,
			out: func(*ruined) {}, then: []string{"-refresh=false"},
		},
		"tokens that cannot be made, removed": {
			types:  []string{tokenType},
			before: func(r *ruined) string { return r.blocks[tokenType] + r.blocks[rightType] },
			spoil: func(r *ruined) {
				r.cli.Rewrite(r.t, r.blocks[tokenType]+r.blocks[rightType]+r.token("garbage",
					r.Write(r.t, "garbage.pem", []byte("garbage")), ""))
			},
			says: []string{"garbage.pem", "remove this block"}, fails: 1,
			out: func(r *ruined) { r.cli.Rewrite(r.t, r.blocks[tokenType]+r.blocks[rightType]) },
		},
		"a deleted vault": {
			types: []string{tokenType}, before: (*ruined).inVault,
			spoil: func(r *ruined) {
				r.Tenant.Faults.Add(emulator.Fault{Service: "proxy", Method: "CONNECT",
					Path: "/kv-*.vault.azure.net:443", Status: 502, Times: -1})
			},
			says: []string{"cannot read the Key Vault secret of the token", "terraform destroy -refresh=false " +
				"-target=ADDRESS"}, fails: 1,
			out: func(*ruined) {}, then: []string{"-refresh=false"},
		},
		"a vault that refuses": {
			types: []string{tokenType}, before: (*ruined).inVault,
			spoil: func(r *ruined) {
				r.Tenant.Faults.Add(emulator.Fault{Service: "vault", Method: "GET", Status: 403, Code: "Forbidden",
					Times: -1})
			},
			says: []string{"cannot read the Key Vault secret of the token", "terraform destroy -refresh=false -target=ADDRESS"}, fails: 1,
			out: func(*ruined) {}, then: []string{"-refresh=false"},
		},
	}
}

// inVault returns HCL of a token whose value is in a vault.
func (r *ruined) inVault() string {
	v := r.NewVault(r.t, "kv-ruin")
	v.Allow(r.Deployer.ClientID, emulator.RoleSecretsOfficer)
	return r.blocks[rightType] + r.token("x", r.Dir+"/scoring.pem", fmt.Sprintf("key_vault_secret = {\n    "+
		"vault_uri = %q\n    name = \"scoring\"\n  }\n  depends_on = [%s.x]", v.URL(), rightType))
}

// isRevoked reports whether the state holds the token under a name that says that it was revoked.
func (r *ruined) isRevoked(id string) bool {
	_, rest, _ := strings.Cut(r.cli.State(r.t), `"id": "`+id+`"`)
	_, rest, _ = strings.Cut(rest, `"rotation_triggers": {`)
	name, _, _ := strings.Cut(rest, "}")
	return strings.Contains(name, "-revoked")
}

// refused returns HCL of one resource for each kind of value that every plan refuses.
func (r *ruined) refused() string {
	app := r.ScoringApp.ClientID
	token := func(owner, lines string) string {
		return "owner = {\n    application_id = \"" + app + "\"\n    " + owner + "\n  }\n  " + lines
	}
	const provider = "use_provider_identity = true"
	hcl := ""
	for i, block := range [][2]string{
		{principalType, ""},
		{principalType, "application_id = \"" + app + "\"\n  adopt_existing = true"},
		{principalType, "display_name = \"x\"\n  adopt_existing = true\n  on_destroy = \"retain\""},
		{principalType, "display_name = \"x\"\n  entitlements = [\"workspace-consume\", \"workspace-access\"]"},
		{memberType, "group_name = \"x\"\n  application_id = \"x\""},
		{grantType, "endpoint_name = \"https://x\"\n  user_name = \"x@example.com\"\n  group_name = \"x\""},
		{rightType, ""},
		{listType, "endpoint_name = \"x\"\n  users = { \"a@example.com\" = \"CAN_VIEW\", \"A@example.com\" = \"CAN_VIEW\", \"b@example.com\" = \"CAN_VIEW\" }\n  ignore_principals = [\"user_name=b@example.com\"]"},
		{listType, "endpoint_name = \"x\"\n  ignore_principals = [\"x\"]"},
		{tokenType, token("", "")},
		{tokenType, token(provider+"\n    use_oidc = true", "")},
		{tokenType, token(`client_secret_wo = ""`, "")},
		{tokenType, token(provider+"\n    client_certificate_password_wo = \"x\"", "")},
		{tokenType, token("key_vault = {\n      vault_uri = \"https://kv-x.vault.azure.net\"\n    }", "")},
		{tokenType, token("key_vault = {\n      vault_uri = \"https://kv-x.vault.azure.net\"\n      client_secret_name = \"x\"\n      certificate_password_secret_name = \"x\"\n    }", "")},
		{tokenType, token(provider, "lifetime_seconds = 3600\n  rotate_before_seconds = 3600")},
		{tokenType, token(provider, "lifetime_seconds = 3600\n  rotate_before_seconds = 60\n  overlap_seconds = 120")},
		{tokenType, token(provider, "token_value_in_state = false")},
		{oauthSecretType, "application_id = \"00000000-0000-4000-8000-000000000001\"\n  secret_value_in_state = false"},
		{tokenType, token(provider, "key_vault_secret = {\n    vault_uri = \"x\"\n    name = \"x y\"\n  }")},
	} {
		hcl += fmt.Sprintf("resource %q \"refused_%d\" {\n  %s\n}\n", block[0], i, block[1])
	}
	return hcl
}
