package emulator

import (
	"net/http"
	"strings"
	"time"
)

// This file decides which credentials a workspace accepts: learn.microsoft.com/azure/databricks/dev-tools/auth ("Azure
// Databricks personal access token authentication" and "Get Microsoft Entra ID tokens for service principals"). The
// errors are those that users of the service have published. If the service has changed an error over time, the newest
// form is the default.

// minTokenRemainder is the remaining lifetime at which a workspace already refuses an Entra access token as expired.
const minTokenRemainder = 30 * time.Second

// credential is the decoded credential of a request. It is not yet compared with the members of the workspace.
type credential struct {
	tokenValue string       // a personal access token, if the request has one
	claims     AccessClaims // of an Entra token that this tenant signed, if the request has one
	oauth      *oauthClaims // of an OAuth token that this workspace signed, if the request has one
	wrong      *credentialError
}

type credentialError struct {
	audience string // the audience of a token that is for another resource
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

// readCredential decodes the credential in the Authorization header. It runs without the workspace's mutex, because
// checking a signature is slow and needs nothing that the mutex protects.
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

// checkNetwork returns an error if the workspace refuses the caller's network address. A workspace checks the address
// before the credential.
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

// authenticate finds the active member of the workspace to whom a credential belongs, or returns an error.
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
		who = w.add(&principal{kind: servicePrincipalKind, applicationID: cred.claims.AppID,
			displayName: cred.claims.AppID, active: true})
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
	// If the owner loses the right to use tokens by leaving a group, its tokens stay, but do not work.
	if owner == nil || !owner.active || !w.mayUseTokens(owner) {
		return invalidAccessToken()
	}
	tok.use(c.now)
	c.who, c.with = owner, tok
	if len(tok.scopes) == 0 { // all rights of the owner
		return nil
	}
	return c.checkScope("access token", tok.scopes)
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
		return &apiError{status: http.StatusBadRequest, page: true, message: "io.jsonwebtoken.ExpiredJwtException: " +
			"JWT expired."}
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

// azureResource is the Azure resource of the workspace. Its contributors can log in without being members of the
// workspace (learn.microsoft.com/azure/databricks/dev-tools/service-prin-aad-token, "non-workspace member").
type azureResource struct {
	id           string
	contributors map[string]bool // application ids in lower case
}

// SetAzureResource sets the Azure resource id of the workspace and the applications that are contributors on that
// resource. If a contributor's request also has a management token and the resource id, the workspace adds the
// contributor as an admin.
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
