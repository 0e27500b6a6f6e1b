package provider_test

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A row describes the steps that a test takes with one attribute: absent, set, changed, changed back, absent, empty,
// absent, set. Each step is a run of its own, after which the next plan is empty.
type row struct {
	besides  map[string]any // further attributes, by dotted path, beside those that the resource always has
	a, b     any            // two values; b is nil if there is only one
	along    map[string]any // further attributes that are set with b
	replaces bool           // the change to b replaces the object
	same     bool           // no change, because b means the same as a, or is not in the state
	// What the plan does after the attribute is removed, and after it is then set to an empty value: nothing by
	// default, [changes], or an error with these words.
	absent, empty string
	emptyValue    any
	// What the server holds for each value; nil for an attribute that only this provider reads.
	held                     func() string
	heldA, heldB, heldAbsent string
}

const changes = "changes"

// scene is the world that the rows refer to.
type scene struct {
	*acctest.World
	app, another          string // application ids
	secret, anotherSecret string
	pem, anotherPEM       string
	pemPath, otherPEMPath string
	vault                 *emulator.Vault
	bob, team             string
	oauth, anotherOAuth   string // OAuth secrets of the application; set by base
}

func newScene(t *testing.T) *scene {
	t.Helper()
	w := acctest.NewWithSecret(t)
	other := w.Tenant.RegisterApp("another")
	s := &scene{World: w, app: w.ScoringApp.ClientID, another: other.ClientID, secret: w.ScoringSecret, anotherSecret: other.AddSecret(24 * time.Hour), bob: "bob@example.com", team: "team"}
	certificate := func(name string) string {
		c := sceneCertificates()[name]
		w.ScoringApp.AddCertificate(c.cert)
		s.vault.ImportCertificate(name, c.key, c.cert, emulator.CertificatePKCS12)
		return string(acctest.PEM(t, c.key, c.cert))
	}
	s.vault = w.Tenant.NewVault("kv-" + uuid.NewString()[:13])
	w.Reach(t, s.vault)
	s.vault.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	s.vault.SetSecret("secret", w.ScoringSecret, "")
	s.vault.SetSecret("same-secret", w.ScoringSecret, "")
	s.vault.SetSecret("password", "", "")
	s.pem, s.anotherPEM = certificate("one"), certificate("two")
	s.pemPath, s.otherPEMPath = w.Write(t, "one.pem", []byte(s.pem)), w.Write(t, "two.pem", []byte(s.anotherPEM))
	const issuer, subject, audience = "https://issuer.example.com", "repo:ml/scoring:ref:refs/heads/main", "api://AzureADTokenExchange"
	w.ScoringApp.AddFederatedCredential(issuer, subject, audience)
	w.Env["ARM_OIDC_TOKEN_FILE_PATH"] = w.Write(t, "oidc", []byte(w.Tenant.NewOIDCIssuer(issuer).Token(subject, audience, time.Hour)))
	w.Workspace.AddUser(s.bob, "Bob")
	w.Workspace.AddUser("carol@example.com", "Carol")
	w.Workspace.AddGroup(s.team)
	w.Workspace.AddGroup("others")
	w.Workspace.CreateEndpoint("rose", w.PersonName)
	return s
}

// sceneCertificates returns the certificates of all scenes, by name. They are issued once, because that takes longer
// than the rest of a scene.
var sceneCertificates = sync.OnceValue(func() map[string]issuedCertificate {
	tenant := emulator.NewTenant(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
	all := map[string]issuedCertificate{}
	for _, name := range []string{"one", "two"} {
		cert, key, err := tenant.IssueClientCertificate(name, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
		if err != nil {
			panic(err) // the certificates of other tests fail in the same way
		}
		all[name] = issuedCertificate{cert, key}
	}
	return all
})

type issuedCertificate struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// holders returns a function that lists the principals with a level on an endpoint, except its creator and admins.
func (s *scene) holders(endpoint string) func() string {
	return func() string {
		var found []string
		for name, level := range s.Workspace.Grants(endpoint) {
			if name != s.PersonName && name != "admins" {
				found = append(found, name+" "+level)
			}
		}
		slices.Sort(found)
		return strings.Join(found, ", ")
	}
}

// principal returns a function that applies show to the service principal of the scene.
func (s *scene) principal(show func(emulator.ServicePrincipalState) string) func() string {
	return func() string {
		for _, sp := range s.Workspace.Snapshot().ServicePrincipals {
			if sp.ApplicationID == s.app {
				return show(sp)
			}
		}
		return ""
	}
}

// tokens returns a function that applies show to the newest live token that belongs to no person.
func (s *scene) tokens(show func(emulator.TokenState) string) func() string {
	return func() string {
		all := s.Workspace.Snapshot().Tokens
		slices.SortFunc(all, func(a, b emulator.TokenState) int { return a.Created.Compare(b.Created) })
		last := ""
		for _, token := range all {
			if token.Owner != s.PersonName {
				last = show(token)
			}
		}
		return last
	}
}

// base returns the attributes that a resource needs in every row, and creates what they refer to.
func (s *scene) base(t *testing.T, typeName string) map[string]any {
	t.Helper()
	switch typeName {
	case "dbxaccess_service_principal":
		return map[string]any{"application_id": s.app, "display_name": "a"}
	case "dbxaccess_group_member":
		s.Workspace.AddServicePrincipal(s.app, "a")
		s.Workspace.AddServicePrincipal(s.another, "b")
		return map[string]any{"group_name": s.team, "application_id": s.app}
	case grantType:
		s.Workspace.AddServicePrincipal(s.app, "a")
		s.Workspace.AddServicePrincipal(s.another, "b")
		return map[string]any{"endpoint_name": "iris", "user_name": s.bob}
	case listType:
		s.Workspace.AddServicePrincipal(s.app, "a")
		return map[string]any{"endpoint_name": "iris", "users": map[string]any{s.PersonName: "CAN_MANAGE"}}
	case rightType:
		s.Workspace.AddServicePrincipal(s.app, "a")
		s.Workspace.AddServicePrincipal(s.another, "b")
		return map[string]any{"user_name": s.bob}
	case oauthSecretType:
		s.Workspace.AddServicePrincipal(s.app, "a")
		s.Workspace.AddServicePrincipal(s.another, "b")
		return map[string]any{"application_id": s.app}
	case "dbxaccess_service_principal_token":
		for _, app := range []string{s.app, s.another} {
			s.Workspace.AddServicePrincipal(app, app)
			s.Workspace.SetGrant("authorization/tokens", app, "CAN_USE")
		}
		_, s.oauth = s.Workspace.AddOAuthSecret(s.app, time.Hour)
		_, s.anotherOAuth = s.Workspace.AddOAuthSecret(s.app, time.Hour)
		return map[string]any{"owner": map[string]any{"application_id": s.app, "client_secret_wo": s.secret}}
	}
	t.Fatalf("what does %s need?", typeName)
	return nil
}

// rows returns the rows of all attributes of all resources, except timeouts, which are the same for each resource.
func (s *scene) rows() map[string]row {
	const (
		principal = "dbxaccess_service_principal."
		member    = "dbxaccess_group_member."
		grant     = grantType + "."
		list      = listType + "."
		right     = rightType + "."
		token     = "dbxaccess_service_principal_token."
	)
	name := func(sp emulator.ServicePrincipalState) string { return sp.DisplayName }
	active := func(sp emulator.ServicePrincipalState) string { return fmt.Sprint(sp.Active) }
	entitlements := func(sp emulator.ServicePrincipalState) string { return strings.Join(sp.Entitlements, " ") }
	memberships := func() string {
		var found []string
		for _, g := range s.Workspace.Snapshot().Groups {
			for _, m := range g.Members {
				if m == s.app || m == s.another {
					found = append(found, g.Name+" "+m)
				}
			}
		}
		return strings.Join(found, ", ")
	}
	iris, rights := s.holders("iris"), s.holders("authorization/tokens")
	noUser := map[string]any{"user_name": nil}
	ada := func(more map[string]any) map[string]any {
		out := map[string]any{s.PersonName: "CAN_MANAGE"}
		maps.Copy(out, more)
		return out
	}
	const nobody, notOne = "refuses: names no principal", "refuses: "
	owners := s.tokens(func(t emulator.TokenState) string { return t.Owner })
	comments := s.tokens(func(t emulator.TokenState) string { return t.Comment })
	days := s.tokens(func(t emulator.TokenState) string { return fmt.Sprint(int(t.Expires.Sub(t.Created).Hours() / 24)) })
	vaulted := func(more map[string]any) map[string]any {
		out := map[string]any{"vault_uri": s.vault.URL(), "name": "token"}
		maps.Copy(out, more)
		return out
	}
	// overlap_seconds = 0 disables the old version at once.
	inVault := map[string]any{"key_vault_secret": vaulted(nil), "overlap_seconds": 0}
	noSecret := map[string]any{"owner.client_secret_wo": nil}
	fromVault := func(more map[string]any) map[string]any {
		out := map[string]any{"vault_uri": s.vault.URL()}
		maps.Copy(out, more)
		return map[string]any{"owner.client_secret_wo": nil, "owner.key_vault": out}
	}
	names := func() string {
		var found []string
		for _, name := range []string{"token", "other"} {
			if v := s.vault.Versions(name); len(v) > 0 && v[len(v)-1].Enabled {
				found = append(found, name)
			}
		}
		return strings.Join(found, " ")
	}
	all := map[string]row{
		principal + "application_id":                     {a: s.app, b: s.another, replaces: true, emptyValue: "", empty: "refuses: Not an application id", held: s.principal(name), heldA: "a", heldB: "", heldAbsent: "a"},
		principal + "display_name":                       {a: "a", b: "b", emptyValue: "", empty: "refuses: at least 1", held: s.principal(name), heldA: "a", heldB: "b", heldAbsent: "a"},
		principal + "active":                             {a: false, b: true, held: s.principal(active), heldA: "false", heldB: "true", heldAbsent: "false"},
		principal + "delete_tokens_when_inactive":        {a: false, b: true, absent: changes},
		principal + "delete_oauth_secrets_when_inactive": {a: false, b: true, absent: changes},
		principal + "entitlements": {a: []any{"workspace-access"}, b: []any{"databricks-sql-access"}, emptyValue: []any{}, empty: changes,
			held: s.principal(entitlements), heldA: "workspace-access", heldB: "databricks-sql-access", heldAbsent: "workspace-access"},
		principal + "adopt_existing": {besides: map[string]any{"on_destroy": "delete"}, a: true, b: false, absent: changes},
		principal + "on_destroy":     {a: "deactivate", b: "retain", absent: changes, emptyValue: "", empty: "refuses: on_destroy"},

		member + "group_name":     {a: s.team, b: "others", replaces: true, held: memberships, heldA: "team " + s.app, heldB: "others " + s.app},
		member + "application_id": {a: s.app, b: s.another, replaces: true, held: memberships, heldA: "team " + s.app, heldB: "team " + s.another},

		grant + "endpoint_name":          {a: "iris", b: "rose", replaces: true, held: iris, heldA: s.bob + " CAN_QUERY"},
		grant + "endpoint_id":            {a: s.EndpointID, b: strings.ToUpper(s.EndpointID), same: true, emptyValue: "", empty: "refuses: endpoint_id", held: iris, heldA: s.bob + " CAN_QUERY", heldB: s.bob + " CAN_QUERY", heldAbsent: s.bob + " CAN_QUERY"},
		grant + "service_principal_name": {besides: noUser, a: s.app, b: s.another, replaces: true, absent: nobody, held: iris, heldA: s.app + " CAN_QUERY", heldB: s.another + " CAN_QUERY"},
		grant + "user_name":              {besides: noUser, a: s.bob, b: "carol@example.com", replaces: true, absent: nobody, held: iris, heldA: s.bob + " CAN_QUERY", heldB: "carol@example.com CAN_QUERY"},
		grant + "group_name":             {besides: noUser, a: s.team, b: "others", replaces: true, absent: nobody, held: iris, heldA: s.team + " CAN_QUERY", heldB: "others CAN_QUERY"},
		grant + "permission_level":       {a: "CAN_MANAGE", b: "CAN_VIEW", absent: changes, emptyValue: "", empty: "refuses: permission_level", held: iris, heldA: s.bob + " CAN_MANAGE", heldB: s.bob + " CAN_VIEW", heldAbsent: s.bob + " CAN_QUERY"},
		grant + "overwrite_existing":     {a: true, b: false, absent: changes},

		list + "endpoint_name":      {besides: map[string]any{"users": ada(map[string]any{s.bob: "CAN_VIEW"})}, a: "iris", b: "rose", replaces: true, held: iris, heldA: s.bob + " CAN_VIEW"},
		list + "endpoint_id":        {a: s.EndpointID, b: strings.ToUpper(s.EndpointID), same: true, emptyValue: "", empty: "refuses: endpoint_id"},
		list + "service_principals": {a: map[string]any{s.app: "CAN_QUERY"}, b: map[string]any{s.app: "CAN_VIEW"}, absent: changes, emptyValue: map[string]any{}, empty: changes, held: iris, heldA: s.app + " CAN_QUERY", heldB: s.app + " CAN_VIEW"},
		list + "users": {besides: map[string]any{"groups": map[string]any{s.team: "CAN_MANAGE"}}, a: ada(map[string]any{s.bob: "CAN_QUERY"}), b: ada(map[string]any{s.bob: "CAN_VIEW"}), absent: changes, emptyValue: map[string]any{}, empty: changes,
			held: iris, heldA: s.bob + " CAN_QUERY, team CAN_MANAGE", heldB: s.bob + " CAN_VIEW, team CAN_MANAGE", heldAbsent: "team CAN_MANAGE"},
		list + "groups":            {a: map[string]any{s.team: "CAN_QUERY"}, b: map[string]any{s.team: "CAN_VIEW"}, absent: changes, emptyValue: map[string]any{}, empty: changes, held: iris, heldA: "team CAN_QUERY", heldB: "team CAN_VIEW"},
		list + "ignore_principals": {a: []any{"user_name=" + s.bob}, b: []any{"group_name=" + s.team}, absent: changes, emptyValue: []any{}, empty: changes},
		list + "on_unlisted":       {a: "warn", b: "error", absent: changes, emptyValue: "", empty: "refuses: on_unlisted"},

		right + "service_principal_name": {besides: noUser, a: s.app, b: s.another, replaces: true, absent: nobody, held: rights, heldA: s.app + " CAN_USE", heldB: s.another + " CAN_USE"},
		right + "user_name":              {besides: noUser, a: s.bob, b: "carol@example.com", replaces: true, absent: nobody, held: rights, heldA: s.bob + " CAN_USE", heldB: "carol@example.com CAN_USE"},
		right + "group_name":             {besides: noUser, a: s.team, b: "others", replaces: true, absent: nobody, held: rights, heldA: s.team + " CAN_USE", heldB: "others CAN_USE"},

		token + "owner.application_id": {a: s.app, b: s.another, along: map[string]any{"owner.client_secret_wo": s.anotherSecret}, replaces: true, held: owners, heldA: s.app, heldB: s.another},
		token + "owner.tenant_id":      {a: s.Tenant.ID, absent: changes},
		// A write-only value is in no state; the next rotation uses it.
		token + "owner.client_secret_wo":                           {a: s.secret, b: s.ScoringApp.AddSecret(24 * time.Hour), same: true, absent: notOne},
		token + "owner.databricks_client_secret_wo":                {besides: noSecret, a: s.oauth, b: s.anotherOAuth, same: true, absent: notOne},
		token + "owner.client_certificate_wo":                      {besides: noSecret, a: s.pem, b: s.anotherPEM, same: true, absent: notOne},
		token + "owner.client_certificate_password_wo":             {besides: map[string]any{"owner.client_secret_wo": nil, "owner.client_certificate_path": s.pemPath}, a: "not needed", b: "neither", same: true},
		token + "owner.client_certificate_path":                    {besides: noSecret, a: s.pemPath, b: s.otherPEMPath, absent: notOne},
		token + "owner.key_vault":                                  {besides: noSecret, a: map[string]any{"vault_uri": s.vault.URL(), "certificate_name": "one"}, b: map[string]any{"vault_uri": s.vault.URL(), "client_secret_name": "secret"}, absent: notOne},
		token + "owner.key_vault.vault_uri":                        {besides: fromVault(map[string]any{"client_secret_name": "secret"}), a: s.vault.URL()},
		token + "owner.key_vault.certificate_name":                 {besides: fromVault(nil), a: "one", b: "two", absent: notOne},
		token + "owner.key_vault.client_secret_name":               {besides: fromVault(nil), a: "secret", b: "same-secret", absent: notOne},
		token + "owner.key_vault.certificate_password_secret_name": {besides: fromVault(map[string]any{"certificate_name": "one"}), a: "password", absent: changes},
		token + "owner.use_oidc":                                   {besides: noSecret, a: true, absent: notOne},
		token + "owner.use_provider_identity":                      {besides: map[string]any{"owner.client_secret_wo": nil, "owner.application_id": s.Deployer.ClientID}, a: true, absent: notOne},
		token + "comment":                                          {a: "x", b: "y", absent: changes, emptyValue: "", empty: "refuses: at least 1", held: comments, heldA: "x", heldB: "y"},
		token + "scopes":                                           {a: []any{"sql"}, b: []any{"clusters"}},
		token + "lifetime_seconds":                                 {a: 30 * 86400, b: 60 * 86400, absent: changes, held: days, heldA: "30", heldB: "60", heldAbsent: "90"},
		token + "rotate_before_seconds":                            {a: 10 * 86400, b: 20 * 86400, absent: changes},
		token + "overlap_seconds":                                  {a: 3600, b: 7200, absent: changes},
		token + "rotation_triggers":                                {a: map[string]any{"k": "1"}, b: map[string]any{"k": "2"}, absent: changes, emptyValue: map[string]any{}, empty: changes},
		token + "key_vault_secret":                                 {besides: map[string]any{"overlap_seconds": 0}, a: vaulted(nil), b: vaulted(map[string]any{"name": "other"}), absent: changes, held: names, heldA: "token", heldB: "other"},
		token + "key_vault_secret.vault_uri":                       {besides: inVault, a: s.vault.URL()},
		token + "key_vault_secret.name":                            {besides: inVault, a: "token", b: "other", held: names, heldA: "token", heldB: "other"},
		token + "key_vault_secret.content_type":                    {besides: inVault, a: "text/plain", b: "text/x", absent: changes, emptyValue: "", empty: "refuses: between 1 and 255"},
		token + "key_vault_secret.tags":                            {besides: inVault, a: map[string]any{"k": "1"}, b: map[string]any{"k": "2"}, absent: changes, emptyValue: map[string]any{}, empty: changes},
		token + "key_vault_secret.overwrite_existing":              {besides: inVault, a: true, b: false, absent: changes},
		token + "token_value_in_state":                             {besides: inVault, a: true, b: false, absent: changes},
		token + "on_unverifiable":                                  {a: "warn", b: "error", absent: changes, emptyValue: "", empty: "refuses: on_unverifiable"},
	}
	maps.Copy(all, s.oauthSecretRows())
	return all
}
