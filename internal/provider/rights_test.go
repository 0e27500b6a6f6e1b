package provider_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// right describes the right with which a cell of the page begins. give gives the provider's identity this right and no
// other.
type right struct {
	give func(w *acctest.World, v *emulator.Vault)
	less string // the next lower right, which is not enough
	says string // words of the refusal with the lower right
}

func rights() map[string]right {
	on := func(level string) func(*acctest.World, *emulator.Vault) {
		return func(w *acctest.World, _ *emulator.Vault) {
			w.Workspace.RemoveFromGroup("admins", w.Deployer.ClientID)
			if level != "" {
				w.Workspace.SetGrant(w.EndpointName, w.Deployer.ClientID, level)
			}
		}
	}
	role := func(role string) func(*acctest.World, *emulator.Vault) {
		return func(w *acctest.World, v *emulator.Vault) {
			v.Revoke(w.Deployer.ClientID)
			if role != "" {
				v.Allow(w.Deployer.ClientID, role)
			}
		}
	}
	return map[string]right{
		"nothing":                   {give: func(w *acctest.World, _ *emulator.Vault) { w.Workspace.RemovePrincipal(w.Deployer.ClientID) }},
		"member":                    {give: on(""), less: "nothing", says: "not a member of this workspace"},
		"CAN_VIEW":                  {give: on("CAN_VIEW"), less: "member", says: "CAN_VIEW"},
		"CAN_QUERY":                 {give: on("CAN_QUERY"), less: "CAN_VIEW", says: "CAN_QUERY"},
		"CAN_MANAGE":                {give: on("CAN_MANAGE"), less: "CAN_QUERY", says: "CAN_MANAGE"},
		"admin":                     {give: func(*acctest.World, *emulator.Vault) {}, less: "CAN_MANAGE", says: "workspace admin"},
		"no role":                   {give: role("")},
		emulator.RoleSecretsUser:    {give: role(emulator.RoleSecretsUser), less: "no role", says: emulator.RoleSecretsOfficer},
		emulator.RoleSecretsOfficer: {give: role(emulator.RoleSecretsOfficer), less: emulator.RoleSecretsUser, says: emulator.RoleSecretsOfficer},
	}
}

// matrix returns the first table of the page: which right each resource needs for plan, apply and destroy.
func matrix(t *testing.T) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	for _, found := range regexp.MustCompile("(?m)^\\| `([a-z_ ]+)`( with `key_vault_secret`)? \\| (.+) \\| (.+) "+
		"\\| (.+) \\|$").
		FindAllStringSubmatch(read(t, "../../templates/guides/rights.md.tmpl"), -1) {
		rows[found[1]+found[2]] = found[3:]
	}
	if len(rows) < 15 {
		t.Fatalf("only %d rows found", len(rows))
	}
	return rows
}

// The page is true: with exactly the right with which a cell begins the operation works. With the next lower right the
// operation is refused, and the error names the right.
func TestRightsAreEnoughAndNeeded(t *testing.T) {
	t.Parallel()
	columns := [][]string{{"/refresh", "/all", "/one", "/own", "/answered", "/open and close", "/of one"}, {"/create"},
		{"/destroy", "/delete"}}
	all := operations()
	own := all[aList+"/create"]
	all[aList+"/create"] = operation{prepare: own.prepare, do: apply(aList, withoutOwnGrant)}
	for _, name := range slices.Collect(maps.Keys(all)) {
		if resource, operation, _ := strings.Cut(name, "/"); resource == aToken || resource == oauthSecretType {
			if made, ok := inVault(resource)[operation]; ok {
				all[resource+" with `key_vault_secret`/"+operation] = made
			}
		}
	}
	known := rights()
	for thing, cells := range matrix(t) {
		name := strings.NewReplacer("data ", "data.", "ephemeral ", "ephemeral.").Replace(thing)
		for column, cell := range cells {
			if strings.HasPrefix(cell, "–") {
				continue
			}
			needed, remark, _ := strings.Cut(cell, ";")
			is, ok := known[needed]
			if !ok {
				t.Errorf("%s: %q begins with no right", thing, cell)
				continue
			}
			i := slices.IndexFunc(columns[column], func(operation string) bool { return all[name+operation].do != nil })
			if i < 0 {
				t.Errorf("%s: nothing to do in column %d", thing, column)
				continue
			}
			operation := columns[column][i]
			t.Run(name+operation, func(t *testing.T) {
				t.Parallel()
				if with := tryWith(t, name+operation, all[name+operation], is); with.errors != "" {
					t.Errorf("%s is not enough: %s", needed, with.errors)
				}
				less := tryWith(t, name+operation, all[name+operation], known[is.less])
				said := less.errors
				if strings.Contains(remark, "warning") {
					said = less.warnings
				}
				if !strings.Contains(said, is.says) {
					t.Errorf("with %s only, it does not say %q: %+v", is.less, is.says, less)
				}
			})
		}
	}
}

// tryWith runs an operation while the provider's identity holds that right and no other.
func tryWith(t *testing.T, name string, d operation, held right) outcome {
	t.Helper()
	w := ready(t, strings.Replace(name, " with `key_vault_secret`", "", 1))
	v := w.Tenant.NewVault("kv-" + uuid.NewString()[:13])
	w.Reach(t, v)
	v.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	w.Env["TEST_VAULT"] = v.URL()
	o := prepared(t, w, d)
	held.give(w, v)
	return d.do(t, w, w.Protocol(t), o)
}

// withoutOwnGrant returns the configuration of an endpoint's whole list without the grant by which the provider's
// identity writes the list.
func withoutOwnGrant(w *acctest.World) map[string]any {
	return map[string]any{
		"endpoint_name": w.EndpointName, "users": map[string]any{w.PersonName: "CAN_MANAGE"},
		"ignore_principals": []any{"service_principal_name=" + w.Deployer.ClientID},
	}
}

// inVault returns the operations on a credential whose value goes to Key Vault.
func inVault(resource string) map[string]operation {
	config := func(w *acctest.World) map[string]any {
		c := map[string]any{"key_vault_secret": map[string]any{"vault_uri": w.Env["TEST_VAULT"], "name": "scoring"}}
		if resource == aToken {
			c["owner"] = map[string]any{"application_id": w.ScoringApp.ClientID, "client_secret_wo": w.ScoringSecret}
		} else {
			c["application_id"] = w.ScoringApp.ClientID
		}
		return c
	}
	return map[string]operation{
		// The provider repeats a request that a vault refuses until the timeout, because the role may be new.
		"create":  {do: apply(resource, with(config, map[string]any{"timeouts": map[string]any{"create": "5s"}}))},
		"refresh": {prepare: made(resource, config), do: refresh(resource)},
		"destroy": {prepare: made(resource, config), do: applyAlone(resource, noAttributes)},
	}
}

// Checks what the page says about the rights that the owner of a token needs.
func TestRightsOfTokenOwner(t *testing.T) {
	t.Parallel()
	// The provider repeats the login while a refused secret may be new. The timeout keeps that short.
	create := apply(aToken, with(scoringToken, map[string]any{"timeouts": map[string]any{"create": "4s"}}))
	for name, tc := range map[string]struct {
		take func(w *acctest.World)
		says string
	}{
		"member":     {func(w *acctest.World) { w.Workspace.RemovePrincipal(w.ScoringApp.ClientID) }, "the owner is not in the workspace"},
		"active":     {func(w *acctest.World) { w.Workspace.SetActive(w.ScoringApp.ClientID, false) }, "deactivated"},
		"right":      {func(w *acctest.World) { w.Workspace.RemoveGrant("authorization/tokens", w.ScoringApp.ClientID) }, "dbxaccess_token_permission"},
		"credential": {func(w *acctest.World) { w.ScoringSecret = "wrong" }, "AADSTS7000215"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ready(t, aToken+"/create")
			w.Workspace.MintToken(w.PersonName, "the first of the workspace", 0)
			tc.take(w)
			if errors := create(t, w, w.Protocol(t), acctest.Object{}).errors; !strings.Contains(errors, tc.says) {
				t.Errorf("it does not say %q: %s", tc.says, errors)
			}
		})
	}
}
