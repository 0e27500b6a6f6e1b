package emulator

import (
	"net/http"
	"strings"
	"time"
)

// Who may enter: learn.microsoft.com/azure/databricks/dev-tools/auth ("Azure
// Databricks personal access token authentication" and "Get Microsoft Entra ID
// tokens for service principals"). The refusals are those that users of the
// service have published; where they changed over time the newest is the default.

// minTokenRemainder is how much life an Entra token must still have.
const minTokenRemainder = 30 * time.Second

// credential is the credential in a request, decoded but not yet compared with the workspace's members.
type credential struct {
	tokenValue string       // a personal access token, if that was sent
	claims     AccessClaims // of an Entra token that this tenant signed, if that was sent
	oauth      *oauthClaims // of an OAuth token that this workspace signed, if that was sent
	wrong      *credentialError
}

type credentialError struct {
	audience string // the token is for this other resource
	expired  bool
}

func gatewayError(status int, message string) *apiError {
	return &apiError{status: status, message: message, gateway: true}
}

func unsupportedCredential() *apiError {
	return gatewayError(http.StatusUnauthorized, "Credential was not sent or was of an unsupported type for this API.")
}

func invalidAccessToken() *apiError {
	return gatewayError(http.StatusForbidden, "Invalid access token.")
}

// readCredential runs outside the mutex: checking a signature is slow and needs
// nothing of the workspace.
func (w *Workspace) readCredential(r *http.Request, now time.Time) (credential, error) {
	scheme, value, found := strings.Cut(r.Header.Get("Authorization"), " ")
	value = strings.TrimSpace(value)
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return credential{}, unsupportedCredential()
	}
	if strings.HasPrefix(value, "dapi") {
		return credential{tokenValue: value}, nil
	}
	if strings.Count(value, ".") != 2 || !strings.HasPrefix(value, "ey") {
		return credential{}, unsupportedCredential()
	}
	if isOAuthToken(value) {
		claims, err := w.verifyOAuth(value)
		if err != nil {
			return credential{}, gatewayError(http.StatusUnauthorized, "Invalid token")
		}
		return credential{oauth: claims}, nil
	}
	claims, err := w.tenant.VerifyAccessToken(value)
	if err != nil {
		return credential{}, gatewayError(http.StatusUnauthorized, "Invalid token")
	}
	cred := credential{claims: claims}
	switch {
	case claims.Audience != DatabricksResource:
		cred.wrong = &credentialError{audience: claims.Audience}
	case claims.ExpiresAt.Sub(now) <= minTokenRemainder:
		cred.wrong = &credentialError{expired: true}
	}
	return cred, nil
}

// checkNetwork refuses the caller's address. A workspace looks at it before it looks at the credential.
func (c *call) checkNetwork() error {
	switch c.w.switches.Network {
	case NetworkIPAccessList:
		return gatewayError(http.StatusForbidden, "Source IP address: "+hostName(c.r.RemoteAddr)+
			" is blocked by Databricks IP ACL for workspace: "+c.w.id)
	case NetworkPolicy:
		return gatewayError(http.StatusForbidden, "Unauthorized network access to workspace: "+c.w.id)
	case NetworkPolicyAsText:
		return &apiError{status: http.StatusForbidden, plain: true, message: "Unauthorized network access to " +
			"workspace: " + c.w.id}
	}
	return nil
}

// authenticate finds the member behind a credential.
func (c *call) authenticate(cred credential, management *AccessClaims) error {
	w := c.w
	if id := c.r.Header.Get("X-Databricks-Workspace-Id"); id != "" && id != w.id {
		return badParameter("Workspace ID %s of the request is not the ID of this workspace.", id)
	}
	if cred.wrong != nil {
		return w.refuseEntraToken(*cred.wrong)
	}
	if cred.oauth != nil {
		return c.authenticateOAuth(cred.oauth)
	}
	if cred.tokenValue != "" {
		return c.authenticateToken(cred.tokenValue)
	}
	who := w.findServicePrincipal(cred.claims.AppID)
	if who == nil && w.azure.admits(c.r, cred.claims, management) {
		who = w.add(&principal{kind: servicePrincipalKind, applicationID: cred.claims.AppID, displayName: cred.claims.AppID, active: true})
		w.admins.members[who.id] = true
	}
	if who == nil || !who.active {
		return w.refuseStranger()
	}
	c.who = who
	return nil
}

func (c *call) authenticateToken(value string) error {
	w := c.w
	tok := w.tokens[tokenID(value)]
	if tok == nil || tok.expired(c.now) || w.switches.PersonalAccessTokensOff {
		return invalidAccessToken()
	}
	owner := w.byID(tok.ownerID)
	// A right to use tokens that is lost through a group blocks the tokens
	// without deleting them.
	if owner == nil || !owner.active || !w.mayUseTokens(owner) {
		return invalidAccessToken()
	}
	tok.use(c.now)
	c.who, c.with = owner, tok
	return nil
}

func (w *Workspace) refuseEntraToken(e credentialError) error {
	if e.audience != "" {
		return &apiError{status: http.StatusBadRequest, page: true,
			message: "io.jsonwebtoken.IncorrectClaimException: Expected aud claim to be: " + DatabricksResource +
				", but was: " + e.audience + "."}
	}
	switch w.switches.ExpiredToken {
	case ExpiredTokenForbidden:
		return gatewayError(http.StatusForbidden, "JWT has expired")
	case ExpiredTokenThirtySecs:
		return gatewayError(http.StatusForbidden, "Token is expiring within 30 seconds. (token expired)")
	case ExpiredTokenBadRequest:
		return &apiError{status: http.StatusBadRequest, page: true, message: "io.jsonwebtoken.ExpiredJwtException: JWT expired."}
	}
	return gatewayError(http.StatusUnauthorized, "Token is expired")
}

func (w *Workspace) refuseStranger() error {
	switch w.switches.NotAMember {
	case NotAMemberPage:
		return &apiError{status: http.StatusForbidden, page: true, message: "User not authorized."}
	case NotAMemberUnauthorized:
		return gatewayError(http.StatusUnauthorized, "Unauthorized access to workspace: "+w.id)
	}
	return gatewayError(http.StatusForbidden, "Unauthorized access to workspace: "+w.id)
}

// azureResource is the Azure side of the workspace, for the login by Azure
// rights (learn.microsoft.com/azure/databricks/dev-tools/service-prin-aad-token,
// "non-workspace member").
type azureResource struct {
	id           string
	contributors map[string]bool // lower-case application ids
}

// SetAzureResource names the Azure resource of the workspace and the
// applications that are contributors on it. One of them that sends its
// management token and the resource id is made an admin at its first call.
func (w *Workspace) SetAzureResource(resourceID string, contributorApplicationIDs ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.azure = azureResource{id: resourceID, contributors: map[string]bool{}}
	for _, id := range contributorApplicationIDs {
		w.azure.contributors[strings.ToLower(id)] = true
	}
}

func (w *Workspace) readManagementToken(r *http.Request, now time.Time) *AccessClaims {
	raw := r.Header.Get("X-Databricks-Azure-SP-Management-Token")
	if raw == "" {
		return nil
	}
	claims, err := w.tenant.VerifyAccessToken(raw)
	if err != nil || !claims.ExpiresAt.After(now) {
		return nil
	}
	if !isManagementAudience(r.Host, claims.Audience) {
		return nil
	}
	return &claims
}

func (a azureResource) admits(r *http.Request, claims AccessClaims, management *AccessClaims) bool {
	return a.id != "" && management != nil &&
		strings.EqualFold(r.Header.Get("X-Databricks-Azure-Workspace-Resource-Id"), a.id) &&
		strings.EqualFold(management.AppID, claims.AppID) &&
		a.contributors[strings.ToLower(claims.AppID)]
}
