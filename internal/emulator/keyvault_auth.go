package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// This file decides who may do what in a vault. The challenge follows "Authentication, requests and responses" of the
// Key Vault REST API. The roles follow "Provide access to Key Vault keys, certificates, and secrets with Azure
// role-based access control".

// A vaultAction is the right that an operation needs: a data action if the vault uses RBAC, a permission if the vault
// uses access policies.
type vaultAction struct {
	data, permission string
}

var (
	vaultGet        = vaultAction{"getSecret/action", "get"}
	vaultList       = vaultAction{"readMetadata/action", "list"}
	vaultSet        = vaultAction{"setSecret/action", "set"}
	vaultUpdate     = vaultAction{"update/action", "set"}
	vaultDelete     = vaultAction{"delete", "delete"}
	vaultGetDeleted = vaultAction{"readMetadata/action", "get"}
	vaultRecover    = vaultAction{"recover/action", "recover"}
	vaultPurge      = vaultAction{"purge/action", "purge"}
	vaultAnything   = vaultAction{}
)

// Built-in Azure roles that [Vault.Allow] can assign. They differ in what they allow on secrets.
const (
	RoleSecretsUser     = "Key Vault Secrets User"
	RoleSecretsOfficer  = "Key Vault Secrets Officer"
	RoleCertificateUser = "Key Vault Certificate User"
	RoleReader          = "Key Vault Reader"
	// RoleCertificatesOfficer may create certificate objects, but may do nothing with secrets.
	RoleCertificatesOfficer = "Key Vault Certificates Officer"
)

var (
	everySecretAction = []string{"getSecret/action", "readMetadata/action", "setSecret/action", "update/action",
		"delete", "recover/action", "purge/action"}
	vaultRoles = map[string][]string{
		RoleSecretsUser:           {"getSecret/action", "readMetadata/action"},
		RoleSecretsOfficer:        everySecretAction,
		RoleCertificateUser:       {"getSecret/action", "readMetadata/action"},
		RoleReader:                {"readMetadata/action"}, // lists the names, cannot read a value
		RoleCertificatesOfficer:   {},
		"Key Vault Administrator": everySecretAction,
	}
)

// Allow assigns a role on the vault to an application. The application is named by its client id or by the object id of
// its service principal. Allow panics if there is no such role.
func (v *Vault) Allow(clientOrObjectID, role string) {
	if vaultRoles[role] == nil {
		panic(fmt.Sprintf("emulator: there is no role %q for vaults, only %q", role,
			slices.Sorted(maps.Keys(vaultRoles))))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	id := strings.ToLower(clientOrObjectID)
	if v.rights[id] == nil {
		v.rights[id] = map[string]time.Time{}
	}
	v.rights[id][role] = v.tenant.Clock.Now()
}

// Revoke removes all roles that an application has on the vault.
func (v *Vault) Revoke(clientOrObjectID string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.rights, strings.ToLower(clientOrObjectID))
}

func (c *vaultCall) allowed(needs vaultAction) bool {
	for _, id := range []string{c.who.AppID, c.who.ObjectID} {
		for role, since := range c.v.rights[strings.ToLower(id)] {
			if !c.now.Before(since.Add(c.v.switches.RoleAssignmentDelay)) &&
				slices.Contains(vaultRoles[role], needs.data) {
				return true
			}
		}
	}
	return false
}

func (c *vaultCall) caller() string {
	return fmt.Sprintf("appid=%s;oid=%s;iss=%s", c.who.AppID, c.who.ObjectID, c.who.Issuer)
}

// denied returns the error for a missing right, in the words of the vault's permission model: RBAC or access policies.
func (c *vaultCall) denied(needs vaultAction) error {
	v := c.v
	if v.switches.AccessPolicies {
		return vaultForbidden("AccessDenied", "The user, group or application '%s' does not have secrets %s "+
			"permission on key vault '%s;location=%s'. For help resolving this issue, please see "+
			"https://go.microsoft.com/fwlink/?linkid=2125287", c.caller(), needs.permission, v.name, v.location)
	}
	resource := "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/emulator/providers/microsoft.keyvault/vaults/" +
		v.name
	if name := c.r.PathValue("name"); name != "" {
		resource += "/secrets/" + strings.ToLower(name)
	}
	return vaultForbidden("ForbiddenByRbac", "Caller is not authorized to perform action on resource.\r\nIf role "+
		"assignments, deny assignments or role definitions were changed recently, please observe propagation "+
		"time.\r\nCaller: %s\r\nAction: 'Microsoft.KeyVault/vaults/secrets/%s'\r\nResource: '%s'\r\nAssignment: "+
		"(not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: "+
		"%s;location=%s\r\n",
		c.caller(), needs.data, resource, v.name, v.location)
}

func (c *vaultCall) firewalled() error {
	return vaultForbidden("ForbiddenByFirewall", "Client address is not authorized and caller is not a trusted "+
		"service.\r\nClient address: %s\r\nCaller: %s\r\nVault: %s;location=%s", hostName(c.r.RemoteAddr), c.caller(),
		c.v.name, c.v.location)
}

// challenge returns the WWW-Authenticate header that says where to get a token and for which resource.
func (v *Vault) challenge(host string) string {
	c := cloudsOf(host)[0]
	login := c.logins[0]
	if v.Switches().LoginWindowsNet {
		login = "login.windows.net"
	}
	return fmt.Sprintf(`Bearer authorization="https://%s/%s", resource="%s"`, login, v.tenant.ID, c.vaultResource())
}

func (v *Vault) readToken(r *http.Request, now time.Time) (AccessClaims, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if raw = strings.TrimSpace(raw); !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return AccessClaims{}, unauthorizedVault("AKV10000: Request is missing a Bearer or PoP token.")
	}
	claims, err := v.tenant.VerifyAccessToken(raw)
	if err != nil {
		header, _, _ := strings.Cut(raw, ".")
		return AccessClaims{}, unauthorizedVault("AKV10046: Unable to resolve the key used for signature "+
			"validation. EncodedJwtHeader: '%.120s'.", header)
	}
	if !slices.ContainsFunc(cloudsOf(r.Host), func(c *cloud) bool { return claims.Audience == c.vaultResource() }) {
		return AccessClaims{}, unauthorizedVault("AKV10022: Invalid audience. Expected %s, found: %s.",
			cloudsOf(r.Host)[0].vaultResource(), claims.Audience)
	}
	if !claims.ExpiresAt.After(now) {
		return AccessClaims{}, unauthorizedVault("[TokenExpired] Error validating token: 'S2S12086'.")
	}
	return claims, nil
}
