package storm_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"
)

// configuration is the set of objects that one stack declares.
type configuration struct {
	Apps [apps]*app
	Made int   // Databricks-managed service principals
	List *list // the complete access list of the stack's own endpoint
}

// app is what a stack declares about one application.
type app struct {
	Name         int
	Adopt        bool // whether adopt_existing is set
	Active       bool // whether active = true is declared
	Entitlements int  // 0: not declared, 1: an empty list, 2: one entitlement
	Level        string
	Member       bool
	MayUse       bool
	Token        *token // nil without a token; a token needs MayUse
}

type token struct {
	Comment, Trigger int
	Days             int // the token's lifetime in days
	Overlap          int // the overlap of the old and the new token in hours
	Vault, State     bool
	Certificate      bool // whether the owner logs in with a certificate
}

// list is an access list: the levels of the stack's applications, of bob and of the first guest. The configuration
// always ignores the second guest.
type list struct {
	Apps       [apps]string
	Bob, Guest string
}

var levelsOrNone = []string{"CAN_QUERY", "", "CAN_VIEW", "CAN_MANAGE"}

var configurations = rapid.Custom(func(t *rapid.T) configuration {
	var c configuration
	for i := range c.Apps {
		if rapid.IntRange(0, 4).Draw(t, "app") == 0 {
			continue
		}
		a := &app{
			Name: rapid.IntRange(0, 2).Draw(t, "name"), Adopt: rapid.Bool().Draw(t, "adopt"),
			Active:       rapid.Bool().Draw(t, "active"),
			Entitlements: rapid.IntRange(0, 2).Draw(t, "entitlements"), Level: rapid.SampledFrom(levelsOrNone).Draw(t,
				"level"),
			Member: rapid.Bool().Draw(t, "member"), MayUse: rapid.Bool().Draw(t, "may use tokens"),
		}
		if a.MayUse && rapid.IntRange(0, 3).Draw(t, "token") > 0 {
			a.Token = &token{
				Comment: rapid.IntRange(0, 1).Draw(t, "comment"), Trigger: rapid.IntRange(0, 1).Draw(t, "trigger"),
				Days:    rapid.IntRange(1, 3).Draw(t, "days"),
				Overlap: rapid.SampledFrom([]int{0, 6}).Draw(t, "overlap"), Vault: rapid.Bool().Draw(t, "vault"),
				State:       rapid.Bool().Draw(t, "in state"),
				Certificate: rapid.Bool().Draw(t, "owner's certificate"),
			}
			a.Token.State = a.Token.State || !a.Token.Vault
		}
		c.Apps[i] = a
	}
	c.Made = rapid.IntRange(0, 1).Draw(t, "made by Databricks")
	if rapid.Bool().Draw(t, "list") {
		c.List = &list{Bob: rapid.SampledFrom(levelsOrNone).Draw(t, "bob"),
			Guest: rapid.SampledFrom(levelsOrNone).Draw(t, "guest")}
		for i, a := range c.Apps {
			if a != nil {
				c.List.Apps[i] = rapid.SampledFrom(levelsOrNone).Draw(t, "app in list")
			}
		}
	}
	return c
})

func (c configuration) String() string {
	text := ""
	for i, a := range c.Apps {
		if a == nil {
			continue
		}
		text += fmt.Sprintf("app%d %+v", i, *a)
		if a.Token != nil {
			text += fmt.Sprintf(" token %+v", *a.Token)
		}
		text += "; "
	}
	if c.List != nil {
		text += fmt.Sprintf("list %+v; ", *c.List)
	}
	return text + fmt.Sprintf("%d made", c.Made)
}

// The resource types of the provider that storms use.
const (
	principalType       = "dbxaccess_service_principal"
	grantType           = "dbxaccess_serving_endpoint_permission"
	listType            = "dbxaccess_serving_endpoint_permissions_exclusive"
	memberType          = "dbxaccess_group_member"
	tokenPermissionType = "dbxaccess_token_permission"
	tokenType           = "dbxaccess_service_principal_token"
)

// A resource is one resource block of a configuration.
type resource struct {
	Type, Name string
	Needs      []string // the addresses of the resources on which it depends
	Config     map[string]any
}

func (r resource) address() string { return r.Type + "." + r.Name }

// resources returns the resource blocks of a configuration. A block comes after the blocks on which it depends.
func (c configuration) resources(s *stack) []resource {
	var all []resource
	add := func(r resource) string {
		all = append(all, r)
		return r.address()
	}
	for i := range c.Made {
		name := fmt.Sprintf("made%d", i)
		add(resource{Type: principalType, Name: name, Config: map[string]any{"display_name": s.madeName(i)}})
	}
	principals := map[int]string{}
	for i, a := range c.Apps {
		if a == nil {
			continue
		}
		name, id := fmt.Sprintf("app%d", i), s.apps[i].ClientID
		config := map[string]any{"application_id": id, "display_name": a.displayName(i), "on_destroy": "delete"}
		if a.Adopt {
			config["adopt_existing"] = true
		}
		if a.Active {
			config["active"] = true
		}
		if a.Entitlements > 0 {
			config["entitlements"] = a.entitlements()
		}
		principals[i] = add(resource{Type: principalType, Name: name, Config: config})
		needs := []string{principals[i]}
		if a.Level != "" {
			add(resource{grantType, name, needs, map[string]any{
				"endpoint_name": shared, "service_principal_name": id, "permission_level": a.Level, "overwrite_existing": true,
			}})
		}
		if a.Member {
			add(resource{memberType, name, needs, map[string]any{"group_name": group, "application_id": id}})
		}
		if !a.MayUse {
			continue
		}
		permission := add(resource{tokenPermissionType, name, needs, map[string]any{"service_principal_name": id}})
		if a.Token != nil {
			add(resource{tokenType, name, append(slices.Clone(needs), permission), a.Token.config(s, i)})
		}
	}
	if c.List != nil {
		all = append(all, c.List.resource(s, principals))
	}
	return all
}

func (a *app) displayName(i int) string { return fmt.Sprintf("app-%d-%d", i, a.Name) }

func (a *app) entitlements() []any { return []any{"workspace-access"}[:a.Entitlements-1] }

func (t *token) config(s *stack, i int) map[string]any {
	owner := map[string]any{"application_id": s.apps[i].ClientID}
	if t.Certificate {
		owner["client_certificate_wo"] = s.certificates[i]
	} else {
		owner["client_secret_wo"] = s.secrets[i]
	}
	config := map[string]any{
		"owner": owner, "comment": t.comment(), "lifetime_seconds": t.Days * 24 * 60 * 60, "overlap_seconds": t.Overlap * 60 * 60,
		"rotation_triggers": map[string]any{"n": fmt.Sprint(t.Trigger)}, "token_value_in_state": t.State,
	}
	if t.Vault {
		config["key_vault_secret"] = map[string]any{"vault_uri": s.vault.URL() + "/", "name": secretName(s, i)}
	}
	return config
}

func (t *token) comment() string { return fmt.Sprintf("for storm %d", t.Comment) }

func secretName(s *stack, i int) string { return fmt.Sprintf("token-%d-%d", s.index, i) }

// grants returns the declared levels of service principals, by application id, and of users, by user name.
func (l *list) grants(s *stack) (principals, users map[string]any) {
	principals, users = map[string]any{}, map[string]any{creator: "CAN_MANAGE"}
	for i, level := range l.Apps {
		if level != "" {
			principals[s.apps[i].ClientID] = level
		}
	}
	if l.Guest != "" {
		principals[s.guests[0]] = l.Guest
	}
	if l.Bob != "" {
		users[bob] = l.Bob
	}
	return principals, users
}

func (l *list) resource(s *stack, addresses map[int]string) resource {
	principals, users := l.grants(s)
	r := resource{Type: listType, Name: "list", Config: map[string]any{
		"endpoint_name": s.endpoint, "service_principals": principals, "users": users,
		"ignore_principals": []any{"service_principal_name=" + s.guests[1]},
	}}
	for i, level := range l.Apps {
		if level != "" {
			r.Needs = append(r.Needs, addresses[i])
		}
	}
	return r
}
