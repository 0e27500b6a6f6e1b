package emulator

import (
	"strings"
	"time"
)

// A Refusal replaces the status, code or text of one refusal whose wire form is
// not documented. What is left zero keeps the default. In Message, {} stands for
// the thing the refusal is about.
type Refusal struct {
	Status  int
	Code    string
	Message string
}

// ExpiredTokenAnswer is the answer to an Entra access token that has expired or
// is about to; the service has changed it several times.
type ExpiredTokenAnswer string

// The answers seen to an expired Entra access token, newest first.
const (
	ExpiredTokenUnauthorized ExpiredTokenAnswer = ""                  // 401 Token is expired
	ExpiredTokenForbidden    ExpiredTokenAnswer = "jwt_has_expired"   // 403 JWT has expired
	ExpiredTokenThirtySecs   ExpiredTokenAnswer = "expiring_within"   // 403 Token is expiring within 30 seconds.
	ExpiredTokenBadRequest   ExpiredTokenAnswer = "expired_exception" // 400 HTML ExpiredJwtException
)

// NotAMemberAnswer is the answer to a valid Entra token of a service principal that is not an active member of the
// workspace.
type NotAMemberAnswer string

// The answers seen for a service principal that is no member, newest first.
const (
	NotAMemberForbidden    NotAMemberAnswer = ""             // 403 JSON, numeric error code
	NotAMemberPage         NotAMemberAnswer = "html"         // 403 HTML "User not authorized."
	NotAMemberUnauthorized NotAMemberAnswer = "unauthorized" // 401 JSON, numeric error code
)

// NetworkAnswer is what a workspace answers to an address that it does not let in.
type NetworkAnswer string

// The answers seen to an address that is not let in. The zero value lets every address in.
const (
	NetworkOpen         NetworkAnswer = ""
	NetworkIPAccessList NetworkAnswer = "ip_access_list"       // 403 JSON, numeric error code
	NetworkPolicy       NetworkAnswer = "network_policy"       // 403 JSON, numeric error code
	NetworkPolicyAsText NetworkAnswer = "network_policy_plain" // the same in plain text
	NetworkPrivateLink  NetworkAnswer = "private_link"         // a redirect to /login.html, from every path
)

// privateLinkErrorLogin is where that redirect leads, with the workspace's id at its end.
const privateLinkErrorLogin = "/login.html?error=private-link-validation-error:"

// RenameAnswer is what a workspace does when a service principal is to get another name.
type RenameAnswer string

// What is known of renames: the official provider does them by PUT, older pages call the name immutable, and users saw
// them accepted without effect.
const (
	RenameApplied RenameAnswer = ""
	RenameRefused RenameAnswer = "refused" // 400, scimType mutability
	RenameIgnored RenameAnswer = "ignored" // accepted, and the name stays
)

// OrgIDHeader says which answers carry the header X-Databricks-Org-Id, the workspace's id. It is recorded on the current
// user (SCIM Me); which others carry it is not.
type OrgIDHeader string

// The answers that may carry the header.
const (
	OrgIDOnEveryAnswer OrgIDHeader = ""
	OrgIDOnMe          OrgIDHeader = "me"
	OrgIDNowhere       OrgIDHeader = "none"
)

// HostMetadata is what /.well-known/databricks-config answers.
type HostMetadata string

// The answers of older and of newer workspaces.
const (
	HostMetadataFull               HostMetadata = ""
	HostMetadataWithoutWorkspaceID HostMetadata = "without_workspace_id"
	HostMetadataMissing            HostMetadata = "missing" // 404
)

// WorkspaceSwitches choose among behaviours of a workspace that its public
// documentation leaves open, that differ between workspaces, or that are slow on
// the real service and instant here. The zero value is the likeliest workspace.
type WorkspaceSwitches struct {
	// AccessPlaneDelay is how long a principal made through SCIM stays unknown to
	// access lists. Principals added with Add… are known at once.
	AccessPlaneDelay time.Duration
	// SCIMStaleFor is how long after a write through SCIM its reads show the
	// object as it was before, a new one as missing, and its lists a deleted
	// service principal as there.
	SCIMStaleFor time.Duration
	// SCIMWrites is how many writes through SCIM the workspace takes within
	// SCIMWritesWithin; it answers more with 429, or, as SCIM sometimes does, with
	// a 500 that says so in its text (SCIMLimitAs500). 0 is no limit.
	SCIMWrites       int
	SCIMWritesWithin time.Duration
	SCIMLimitAs500   bool
	// LastUsedDelay is how long after a use of a token the list of all tokens shows it; 0 is a day, a negative delay none.
	// The owner's own list never shows it.
	LastUsedDelay time.Duration
	// GrantDelay is how long a new or raised grant is not yet honoured by scoring.
	GrantDelay time.Duration

	// PatchNeverLowers makes PATCH on an access list ignore a level below the one held.
	PatchNeverLowers bool
	// PatchShowsPart makes PATCH on an access list answer with what it wrote instead of the whole list.
	PatchShowsPart bool
	// EmptyPatchRefused makes PATCH with an empty list a 400 instead of a no-op.
	EmptyPatchRefused bool
	// UserNameEchoed shows a service principal under user_name in an access list
	// when it was written that way, instead of under service_principal_name.
	UserNameEchoed bool
	// InheritedFromObject is the object admins inherit from; default /serving-endpoints/.
	InheritedFromObject string
	// DeletedListGone makes the access list of a deleted endpoint unreadable;
	// by default it outlives the endpoint.
	DeletedListGone bool
	// DeletedListReadOnly refuses writes to the list of a deleted endpoint as unknown.
	DeletedListReadOnly bool
	// StaleGrantsShown keeps the rows of a removed principal in access lists.
	StaleGrantsShown bool

	// UsersMayUseTokens gives the group users CAN_USE on authorization/tokens, as
	// many workspaces have it from the start.
	UsersMayUseTokens bool
	// TokenListAlwaysThere makes the access list of authorization/tokens readable
	// before the first token exists.
	TokenListAlwaysThere bool
	// PersonalAccessTokensOff is enableTokensConfig=false: none can be made, and
	// those there are stay but do not work.
	PersonalAccessTokensOff bool
	// MaxTokenLifetimeDays is the workspace's maximum for new tokens; 0 is the
	// platform's 730.
	MaxTokenLifetimeDays int
	// DefaultTokenLifetimeDays is the lifetime when none is asked; 0 is 730, -1 never expires.
	DefaultTokenLifetimeDays int
	// KnownTokenScopes are the scopes that a token can have; empty is any. The
	// public list of them grows.
	KnownTokenScopes []string
	// MoreEntitlements are known to the workspace beside the documented ones, whose list grows.
	MoreEntitlements []string
	// NoTokenUpdates has no PATCH /api/2.0/token/{id}, which is younger than the rest and may be missing in a workspace.
	NoTokenUpdates bool
	// DirectUseTakesTokens deletes the tokens of everybody who loses a direct CAN_USE on authorization/tokens; by default
	// those of who still holds it by a group stay.
	DirectUseTakesTokens bool
	// HideExpiredTokens leaves expired tokens out of the token management list.
	HideExpiredTokens bool

	// DefaultDisplayName is given to a service principal added without a name;
	// empty is its application id.
	DefaultDisplayName string
	// DuplicateAsUser words the refusal of a second service principal with the same
	// application id as "User with email …".
	DuplicateAsUser bool
	// EmptyNotFound answers 404 for SCIM objects without a body.
	EmptyNotFound bool
	// SCIMPageSize is the most that one page of a SCIM list holds, whatever is asked for; 0 sets no limit.
	SCIMPageSize int
	// PatchAnswersEmpty answers a PATCH of a SCIM object without a body.
	PatchAnswersEmpty bool
	// SCIMWritesAnswerNothing answers PUT and PATCH of a SCIM object with {}.
	SCIMWritesAnswerNothing bool
	// RenameByPatch and RenameByPut are what becomes of another displayName of a service principal.
	RenameByPatch RenameAnswer
	RenameByPut   RenameAnswer
	// IdentityFederation keeps a service principal in the account when it is
	// deleted from the workspace: adding its application id again brings it back,
	// under its id, with the name the account has for it.
	IdentityFederation bool
	// ServicePrincipalsAdminOnly refuses non-admins the service principal list,
	// instead of showing them a reduced one.
	ServicePrincipalsAdminOnly bool

	// OrgIDHeader and HostMetadata are where the workspace tells its id.
	OrgIDHeader  OrgIDHeader
	HostMetadata HostMetadata

	// Network is what the workspace answers to the caller's address.
	Network NetworkAnswer
	// ExpiredToken and NotAMember choose among answers seen at different times.
	ExpiredToken ExpiredTokenAnswer
	NotAMember   NotAMemberAnswer
	// PlainAuthTexts leaves the " [ReqId: …]" of newer answers out.
	PlainAuthTexts bool

	// Refusals of unsettled status, code or wording.
	SCIMDuplicate     Refusal // default 409
	AccountGroup      Refusal // default 403 Group {} is managed by the account
	SCIMNotFound      Refusal // default 404 Service principal with id {} not found
	UnknownPrincipal  Refusal // default 404 RESOURCE_DOES_NOT_EXIST Principal: {} does not exist
	NotAnEndpointID   Refusal // default 400 INVALID_PARAMETER_VALUE '{}' is not a valid Inference Endpoint ID.
	UnknownEndpointID Refusal // default 404 RESOURCE_DOES_NOT_EXIST
	ScoringDenied     Refusal // default 403 PERMISSION_DENIED User does not have permission 'Query' on Endpoint {}
	TokenQuota        Refusal // default 400 QUOTA_EXCEEDED
	UnknownToken      Refusal // of PATCH on a token; default 404 NOT_FOUND
	// RouteOptimizedRefused answers calls of a route-optimized endpoint under the workspace's address; default 401, in the
	// words for a credential that an API does not take.
	RouteOptimizedRefused Refusal
	TokenLifetimeAbove    Refusal // default 400 INVALID_PARAMETER_VALUE
	TokensOff             Refusal // default 403 PERMISSION_DENIED
	OnBehalfOfTokens      Refusal // default 404 FEATURE_DISABLED

	// OAuthSecretDelay is how long after its creation an OAuth secret does not log in.
	OAuthSecretDelay time.Duration
	// OAuthSecretPageSize is the most that one page of the list of secrets holds; 0 is 100.
	OAuthSecretPageSize int
	// OAuthSecretsExpiredShown lists expired secrets too.
	OAuthSecretsExpiredShown bool
	// OAuthSecretScopesIgnored makes secrets without the scopes that were asked for: scopes are younger than the rest.
	OAuthSecretScopesIgnored bool
	// OAuthSecretCreated is the status that answers the creation of a secret; 0 is 200.
	OAuthSecretCreated int
	// OAuthMissing has no token endpoint at the workspace.
	OAuthMissing bool
	// OAuthTokensForInactive and OAuthTokensForStrangers give tokens to an inactive principal, and to one that is in the
	// account but not in the workspace; the APIs refuse both.
	OAuthTokensForInactive  bool
	OAuthTokensForStrangers bool
	// EntraAssertions takes an Entra token where a token of the workspace is to be narrowed.
	EntraAssertions bool
	// DetailedTokensEverywhere takes a token with authorization details at the workspace's own APIs too.
	DetailedTokensEverywhere bool
	// OptimizedAtWorkspace answers route-optimized endpoints under the workspace's address too, as those made before
	// September 2025 do.
	OptimizedAtWorkspace bool
	// OptimizedChecksGrants asks the access list again at each call of a route-optimized endpoint. By default a token
	// for it is valid until it expires.
	OptimizedChecksGrants bool

	OAuthSecretQuota         Refusal // of the sixth; default 400 QUOTA_EXCEEDED
	OAuthSecretLifetimeAbove Refusal // default 400 INVALID_PARAMETER_VALUE
	OAuthSecretDuration      Refusal // of a lifetime that is no duration; default 400 INVALID_PARAMETER_VALUE
	OAuthSecretsDenied       Refusal // to who is no admin; default 403 PERMISSION_DENIED
	OAuthSecretsOfUnknown    Refusal // default 404 RESOURCE_DOES_NOT_EXIST Service principal with id {} not found
	UnknownOAuthSecret       Refusal // default 404 RESOURCE_DOES_NOT_EXIST Secret {} not found
	OAuthMalformed           Refusal // of the token endpoint; default 400 invalid_request
	FederationRefused        Refusal // default 401 invalid_grant Invalid credentials
	ScopeRefused             Refusal // default 403 PERMISSION_DENIED Provided OAuth token does not have required scopes: {}
	// These three refuse tokens at the address of a route-optimized endpoint; default 401, as a gateway does.
	PersonalTokenAtOptimized Refusal
	EntraTokenAtOptimized    Refusal
	DetailsMissing           Refusal
}

// or builds the error of a refusal from its defaults and the switch.
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
