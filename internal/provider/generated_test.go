package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// generated returns the configuration that Terraform generates for an object in the state: each attribute that a
// configuration can set, with its value in the state, at every depth. Write-only values are in no state.
// https://github.com/hashicorp/terraform/blob/main/internal/genconfig/generate_config.go
func generated(p *acctest.Protocol, typeName string, state map[string]any) map[string]any {
	writable := p.Attributes(typeName)
	var copyOf func(at string, from map[string]any) map[string]any
	copyOf = func(at string, from map[string]any) map[string]any {
		to := map[string]any{}
		for name, value := range from {
			attribute, ok := writable[at+name]
			if !ok || value == nil {
				continue
			}
			if inner, nested := value.(map[string]any); nested && attribute.NestedType != nil {
				value = copyOf(at+name+".", inner)
			}
			to[name] = value
		}
		return to
	}
	return copyOf("", state)
}

// wantGenerated imports an object in a run of its own, and demands that the next plan of the generated configuration is
// empty. For a token's owner only the credential may be missing.
func (s *scene) wantGenerated(t *testing.T, typeName, id string, identity map[string]any) {
	t.Helper()
	p := s.Protocol(t)
	imported := p.MustImport(t, typeName, id, identity)
	config := generated(p, typeName, imported.State)
	if owner, ok := config["owner"].(map[string]any); ok && owner["use_provider_identity"] == nil {
		if _, errors := p.Plan(t, typeName, imported, config); !strings.HasPrefix(errors,
			"Token owner has no credential: ") {
			t.Errorf("a credential is not all that is missing: %q", errors)
		}
		owner["client_secret_wo"] = s.secret
	}
	plan, errors := p.Plan(t, typeName, imported, config)
	if errors != "" {
		t.Fatalf("what is in the state is refused in the configuration: %s\n%v", errors, config)
	}
	if len(plan.Changed) > 0 {
		t.Errorf("the generated configuration changes %v: %v", plan.Changed, config)
	}
}

// Whatever value an attribute had: after an import of the object, the configuration may hold the value in the state,
// and its plan is empty.
func TestGeneratedConfigurationOfEveryAttribute(t *testing.T) {
	t.Parallel()
	all := newScene(t)
	p := all.Protocol(t)
	rows := all.rows()
	for _, typeName := range p.ResourceTypes() {
		for path := range p.Attributes(typeName) {
			name := typeName + "." + path
			if _, ok := rows[name]; !ok { // timeouts, and owner, whose attributes have rows
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				config := s.base(t, typeName)
				r := s.rows()[name]
				for at, v := range r.besides {
					set(config, at, v)
				}
				set(config, path, r.a)
				made := s.Protocol(t).MustApply(t, typeName, acctest.Object{}, config)
				s.wantGenerated(t, typeName, "", made.Identity)
			})
		}
	}
}

// Like TestGeneratedConfigurationOfEveryAttribute, for objects that somebody else has created.
func TestGeneratedConfigurationOfForeignObjects(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, found := range map[string]struct {
		typeName string
		make     func(s *scene) (id string)
	}{
		"a principal":                    {aPrincipal, func(s *scene) string { s.Workspace.AddServicePrincipal(s.app, `"é" ${x} %{y}`); return s.app }},
		"a principal without a name":     {aPrincipal, func(s *scene) string { s.Workspace.AddServicePrincipal(s.app, ""); return s.app }},
		"a principal made by Databricks": {aPrincipal, func(s *scene) string { return s.Workspace.AddServicePrincipal("", "made here") }},
		"a principal that is not active": {aPrincipal, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			s.Workspace.SetActive(s.app, false)
			return s.app
		}},
		"a principal with an entitlement": {aPrincipal, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			s.Workspace.SetEntitlements(s.app, "workspace-access")
			return s.app
		}},
		"a principal with an entitlement that is new": {aPrincipal, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			switches := s.Workspace.Switches()
			switches.MoreEntitlements = []string{"allow-something-new"}
			s.Workspace.SetSwitches(switches)
			s.Workspace.SetEntitlements(s.app, "workspace-access", "allow-something-new")
			return s.app
		}},
		"a member of a group with a slash": {aMember, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			s.Workspace.AddGroup(`data/"science"`)
			s.Workspace.AddToGroup(`data/"science"`, s.app)
			return `data/"science"/` + s.app
		}},
		"a grant of a principal": {aGrant, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			s.Workspace.SetGrant("iris", s.app, "CAN_VIEW")
			return "iris/" + s.app
		}},
		"a grant of a user": {aGrant, func(s *scene) string { s.Workspace.SetGrant("iris", s.bob, "CAN_MANAGE"); return "iris/" + s.bob }},
		"a grant of everybody": {aGrant, func(s *scene) string {
			s.Workspace.SetGrant("iris", "users", "CAN_QUERY")
			return "iris/group_name=users"
		}},
		"an access list": {aList, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			s.Workspace.SetGrant("iris", s.app, "CAN_VIEW")
			s.Workspace.SetGrant("iris", s.team, "CAN_QUERY")
			return "iris"
		}},
		"an access list with admins": {aList, func(s *scene) string { s.Workspace.SetGrant("iris", "admins", "CAN_QUERY"); return "iris" }},
		"a right of a principal": {aRight, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			s.Workspace.SetGrant("authorization/tokens", s.app, "CAN_USE")
			return s.app
		}},
		"a right of a user": {aRight, func(s *scene) string { s.Workspace.SetGrant("authorization/tokens", s.bob, "CAN_USE"); return s.bob }},
		"a right of a group": {aRight, func(s *scene) string {
			s.Workspace.SetGrant("authorization/tokens", s.team, "CAN_USE")
			return "group_name=" + s.team
		}},
		"a token":                       {aToken, func(s *scene) string { return s.tokenOf(s.app, "theirs", 90*day) }},
		"a token without a comment":     {aToken, func(s *scene) string { return s.tokenOf(s.app, "", 7*day) }},
		"a token with a long comment":   {aToken, func(s *scene) string { return s.tokenOf(s.app, strings.Repeat("é", 400), 90*day) }},
		"a token of two years":          {aToken, func(s *scene) string { return s.tokenOf(s.app, "long", 730*day) }},
		"a token of an hour":            {aToken, func(s *scene) string { return s.tokenOf(s.app, "short", time.Hour) }},
		"a token of the provider's own": {aToken, func(s *scene) string { return s.tokenOf(s.Deployer.ClientID, "own", 90*day) }},
		"an OAuth secret": {aSecret, func(s *scene) string {
			s.Workspace.AddServicePrincipal(s.app, "a")
			id, _ := s.Workspace.AddOAuthSecret(s.app, 90*day)
			return s.app + "/" + id
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.wantGenerated(t, found.typeName, found.make(s), nil)
		})
	}
}

// tokenOf creates a token for a member of the workspace, and returns its id.
func (s *scene) tokenOf(owner, comment string, lifetime time.Duration) string {
	if owner != s.Deployer.ClientID {
		s.Workspace.AddServicePrincipal(owner, "owner")
	}
	id, _ := s.Workspace.MintToken(owner, comment, lifetime)
	return id
}
