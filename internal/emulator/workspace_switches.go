package emulator

import (
	"strings"
	"time"
)

// A Refusal changes the status, code or text of an error answer whose exact form is not documented. A zero field keeps
// the default. In Message, {} is replaced by the name or id that the error is about.
type Refusal struct {
	Status  int
	Code    string
	Message string
}

// ExpiredTokenAnswer selects the answer to an Entra access token that has expired or is about to expire. The service
// has changed this answer several times.
type ExpiredTokenAnswer string

// The known answers to an expired Entra access token, newest first.
const (
	ExpiredTokenUnauthorized ExpiredTokenAnswer = ""                  // 401 Token is expired
	ExpiredTokenForbidden    ExpiredTokenAnswer = "jwt_has_expired"   // 403 JWT has expired
	ExpiredTokenThirtySecs   ExpiredTokenAnswer = "expiring_within"   // 403 Token is expiring within 30 seconds.
	ExpiredTokenBadRequest   ExpiredTokenAnswer = "expired_exception" // 400 HTML ExpiredJwtException
)

// NotAMemberAnswer selects the answer to a valid Entra access token of a service principal that is not an active member
// of the workspace.
type NotAMemberAnswer string

// The known answers to a service principal that is not a member of the workspace, newest first.
const (
	NotAMemberForbidden    NotAMemberAnswer = ""             // 403 JSON, numeric error code
	NotAMemberPage         NotAMemberAnswer = "html"         // 403 HTML "User not authorized."
	NotAMemberUnauthorized NotAMemberAnswer = "unauthorized" // 401 JSON, numeric error code
)

// NetworkAnswer selects the answer to a request from a network address that the workspace refuses.
type NetworkAnswer string

// The known answers to a request from a refused network address. The zero value accepts every address.
const (
	NetworkOpen         NetworkAnswer = ""
	NetworkIPAccessList NetworkAnswer = "ip_access_list"       // 403 JSON, numeric error code
	NetworkPolicy       NetworkAnswer = "network_policy"       // 403 JSON, numeric error code
	NetworkPolicyAsText NetworkAnswer = "network_policy_plain" // 403 in plain text
	NetworkPrivateLink  NetworkAnswer = "private_link"         // a redirect to /login.html, from every path
)

// privateLinkErrorLogin is the path to which [NetworkPrivateLink] redirects. The workspace's id is appended to it.
const privateLinkErrorLogin = "/login.html?error=private-link-validation-error:"

// RenameAnswer selects what a workspace does with a request to rename a service principal.
type RenameAnswer string

// The known behaviours of renames. The official provider renames by PUT, older documentation calls the name immutable,
// and users have reported renames that were accepted without effect.
const (
	RenameApplied RenameAnswer = ""
	RenameRefused RenameAnswer = "refused" // 400, scimType mutability
	RenameIgnored RenameAnswer = "ignored" // accepted, but the name does not change
)

// OrgIDHeader selects the answers that have the header X-Databricks-Org-Id, which contains the workspace's id. Recorded
// answers show the header for the current user (SCIM Me). Which other answers have it is not known.
type OrgIDHeader string

// The choices of answers that have the header X-Databricks-Org-Id.
const (
	OrgIDOnEveryAnswer OrgIDHeader = ""
	OrgIDOnMe          OrgIDHeader = "me"
	OrgIDNowhere       OrgIDHeader = "none"
)

// HostMetadata selects the answer of /.well-known/databricks-config.
type HostMetadata string

// The answers of newer and older workspaces to /.well-known/databricks-config.
const (
	HostMetadataFull               HostMetadata = ""
	HostMetadataWithoutWorkspaceID HostMetadata = "without_workspace_id"
	HostMetadataMissing            HostMetadata = "missing" // 404
)

// WorkspaceSwitches select how a workspace behaves in three cases: where its public documentation leaves that open,
// where workspaces differ, and where the real service is slow but the emulator is not. The zero value is the most
// likely workspace.
type WorkspaceSwitches struct {
	// AccessPlaneDelay is how long access lists do not accept a principal that was created through SCIM. Access lists
	// accept principals added by methods such as [Workspace.AddUser] at once.
	AccessPlaneDelay time.Duration
	// SCIMStaleFor is how long reads through SCIM are out of date after a write through SCIM. During this time they
	// show the old state of a changed object, do not find a new object, and list a deleted service principal.
	SCIMStaleFor time.Duration
	// SCIMWrites is how many writes through SCIM the workspace accepts within SCIMWritesWithin; 0 means no limit. It
	// answers more writes with 429 or, if SCIMLimitAs500 is set, with a 500 whose text names the limit, as the service
	// sometimes does.
	SCIMWrites       int
	SCIMWritesWithin time.Duration
	SCIMLimitAs500   bool
	// LastUsedDelay is how long after a use of a token the list of all tokens shows this use. 0 means one day; a
	// negative value means no delay. The owner's own list of tokens never shows uses.
	LastUsedDelay time.Duration
	// GrantDelay is how long scoring ignores a new or raised grant.
	GrantDelay time.Duration

	// PatchNeverLowers makes PATCH on an access list ignore a level below the level that the principal has.
	PatchNeverLowers bool
	// PatchShowsPart makes PATCH on an access list answer with the entries that it wrote instead of the whole list.
	PatchShowsPart bool
	// EmptyPatchRefused makes PATCH on an access list without entries fail with 400. By default it changes nothing.
	EmptyPatchRefused bool
	// UserNameEchoed makes an access list show a service principal under user_name if it was written under user_name.
	// By default it is shown under service_principal_name.
	UserNameEchoed bool
	// InheritedFromObject is the object from which admins inherit their permission on endpoints; default
	// /serving-endpoints/.
	InheritedFromObject string
	// DeletedListGone makes the access list of a deleted endpoint unreadable. By default the list still exists after
	// the endpoint is deleted.
	DeletedListGone bool
	// DeletedListReadOnly makes writes to the access list of a deleted endpoint fail, as if the endpoint never existed.
	DeletedListReadOnly bool
	// StaleGrantsShown keeps the grants of a removed principal in access lists.
	StaleGrantsShown bool

	// UsersMayUseTokens grants the group users CAN_USE on authorization/tokens, which many workspaces have from the
	// start.
	UsersMayUseTokens bool
	// TokenListAlwaysThere makes the access list of authorization/tokens readable before the first token exists.
	TokenListAlwaysThere bool
	// PersonalAccessTokensOff is the setting enableTokensConfig=false: no token can be created, and existing tokens
	// stay but do not work.
	PersonalAccessTokensOff bool
	// MaxTokenLifetimeDays is the workspace's longest lifetime of new tokens; 0 means the platform's limit of 730 days.
	MaxTokenLifetimeDays int
	// DefaultTokenLifetimeDays is the lifetime of a token created without one; 0 means 730 days, -1 means for ever.
	DefaultTokenLifetimeDays int
	// KnownTokenScopes are the scopes that a token can have; if empty, any scope is accepted. The public list of scopes
	// grows.
	KnownTokenScopes []string
	// MoreEntitlements are entitlements that the workspace accepts beside the documented ones. The documented list
	// grows.
	MoreEntitlements []string
	// NoTokenUpdates removes PATCH /api/2.0/token/{id}. This operation is newer than the others and may be missing in a
	// workspace.
	NoTokenUpdates bool
	// DirectUseTakesTokens deletes the tokens of everybody who loses a direct CAN_USE on authorization/tokens. By
	// default, principals that still have CAN_USE through a group keep their tokens.
	DirectUseTakesTokens bool
	// HideExpiredTokens leaves expired tokens out of the list of all tokens, which admins can read.
	HideExpiredTokens bool

	// DefaultDisplayName is the display name of a service principal that is created without one; if empty, the
	// application id is used.
	DefaultDisplayName string
	// DuplicateAsUser changes the error for a second service principal with the same application id to "User with email
	// …".
	DuplicateAsUser bool
	// EmptyNotFound answers 404 without a body if a SCIM object is not found.
	EmptyNotFound bool
	// SCIMPageSize is the largest number of objects in one page of a SCIM list, even if more are requested; 0 means no
	// limit.
	SCIMPageSize int
	// PatchAnswersEmpty answers a PATCH of a SCIM object without a body.
	PatchAnswersEmpty bool
	// SCIMWritesAnswerNothing answers PUT and PATCH of a SCIM object with {}.
	SCIMWritesAnswerNothing bool
	// RenameByPatch and RenameByPut say what PATCH and PUT do with a new displayName of a service principal.
	RenameByPatch RenameAnswer
	RenameByPut   RenameAnswer
	// IdentityFederation keeps a service principal in the account when it is deleted from the workspace. If its
	// application id is added to the workspace again, the service principal has the same id as before and the name that
	// it has in the account.
	IdentityFederation bool
	// ServicePrincipalsAdminOnly refuses the list of service principals to callers who are no workspace admins. By
	// default they see fewer attributes.
	ServicePrincipalsAdminOnly bool

	// OrgIDHeader and HostMetadata say which answers contain the workspace's id.
	OrgIDHeader  OrgIDHeader
	HostMetadata HostMetadata

	// Network says how the workspace answers requests from a refused network address.
	Network NetworkAnswer
	// ExpiredToken and NotAMember select among answers that the service gave at different times.
	ExpiredToken ExpiredTokenAnswer
	NotAMember   NotAMemberAnswer
	// PlainAuthTexts leaves out the " [ReqId: …]" that newer answers have at their end.
	PlainAuthTexts bool

	// The following error answers can be changed, because their status, code or text is not documented.
	SCIMDuplicate     Refusal // default 409
	AccountGroup      Refusal // default 403 Group {} is managed by the account
	SCIMNotFound      Refusal // default 404 Service principal with id {} not found
	UnknownPrincipal  Refusal // default 404 RESOURCE_DOES_NOT_EXIST Principal: {} does not exist
	NotAnEndpointID   Refusal // default 400 INVALID_PARAMETER_VALUE '{}' is not a valid Inference Endpoint ID.
	UnknownEndpointID Refusal // default 404 RESOURCE_DOES_NOT_EXIST
	ScoringDenied     Refusal // default 403 PERMISSION_DENIED User does not have permission 'Query' on Endpoint {}
	TokenQuota        Refusal // default 400 QUOTA_EXCEEDED
	UnknownToken      Refusal // for PATCH on an unknown token; default 404 NOT_FOUND
	// RouteOptimizedRefused is the answer to a scoring request for a route-optimized endpoint at the workspace's
	// address; default 401, with the text for a credential type that an API does not support.
	RouteOptimizedRefused Refusal
	TokenLifetimeAbove    Refusal // default 400 INVALID_PARAMETER_VALUE
	TokensOff             Refusal // default 403 PERMISSION_DENIED
	OnBehalfOfTokens      Refusal // default 404 FEATURE_DISABLED

	// OAuthSecretDelay is how long after its creation an OAuth secret cannot log in.
	OAuthSecretDelay time.Duration
	// OAuthSecretPageSize is the largest number of OAuth secrets in one page of their list; 0 means 100.
	OAuthSecretPageSize int
	// OAuthSecretsExpiredShown makes the list of OAuth secrets include expired secrets.
	OAuthSecretsExpiredShown bool
	// OAuthSecretScopesIgnored creates OAuth secrets without the requested scopes, because scopes are newer than the
	// rest of the API.
	OAuthSecretScopesIgnored bool
	// OAuthSecretCreated is the HTTP status of the answer to the creation of an OAuth secret; 0 means 200.
	OAuthSecretCreated int
	// OAuthMissing makes the workspace behave as if it had no OAuth token endpoint.
	OAuthMissing bool
	// OAuthTokensForInactive issues OAuth tokens to inactive service principals. OAuthTokensForStrangers issues them to
	// service principals that are in the account but not in the workspace. The workspace's APIs refuse both kinds of
	// tokens.
	OAuthTokensForInactive  bool
	OAuthTokensForStrangers bool
	// EntraAssertions makes the token endpoint accept an Entra access token in exchange for a token with authorization
	// details. By default it accepts only a token of the workspace.
	EntraAssertions bool
	// DetailedTokensEverywhere makes the workspace's own APIs accept tokens with authorization details.
	DetailedTokensEverywhere bool
	// OptimizedAtWorkspace makes the workspace's address answer scoring requests for route-optimized endpoints, as it
	// does for endpoints created before September 2025.
	OptimizedAtWorkspace bool
	// OptimizedChecksGrants checks the access list at each scoring request to a route-optimized endpoint. By default a
	// token for the endpoint is valid until it expires.
	OptimizedChecksGrants bool

	OAuthSecretQuota         Refusal // for a secret beyond the fifth; default 400 QUOTA_EXCEEDED
	OAuthSecretLifetimeAbove Refusal // default 400 INVALID_PARAMETER_VALUE
	OAuthSecretDuration      Refusal // for a lifetime that is not a duration; default 400 INVALID_PARAMETER_VALUE
	OAuthSecretsDenied       Refusal // for callers who are no workspace admins; default 403 PERMISSION_DENIED
	OAuthSecretsOfUnknown    Refusal // default 404 RESOURCE_DOES_NOT_EXIST Service principal with id {} not found
	UnknownOAuthSecret       Refusal // default 404 RESOURCE_DOES_NOT_EXIST Secret {} not found
	OAuthMalformed           Refusal // for a malformed request to the token endpoint; default 400 invalid_request
	FederationRefused        Refusal // default 401 invalid_grant Invalid credentials
	// ScopeRefused is the answer to a token that lacks a scope; default 403 PERMISSION_DENIED Provided OAuth token does
	// not have required scopes: {}, or Provided access token … for a personal access token.
	ScopeRefused Refusal
	// The following three are the answers to unsuitable tokens at the address of a route-optimized endpoint; default
	// 401, as a gateway answers.
	PersonalTokenAtOptimized Refusal
	EntraTokenAtOptimized    Refusal
	DetailsMissing           Refusal
}

// or returns an error with these defaults, changed by the fields of the Refusal that are set.
func (s Refusal) or(status int, code, message, subject string) *apiError {
	if s.Status != 0 {
		status = s.Status
	}
	if s.Code != "" {
		code = s.Code
	}
	if s.Message != "" {
		message = s.Message
	}
	return &apiError{status: status, code: code, message: strings.ReplaceAll(message, "{}", subject)}
}
