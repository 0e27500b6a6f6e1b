package auth

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// The errors of the workspace's token endpoint, to be tested with errors.Is. The codes are those of RFC 6749 and RFC
// 9396.
var (
	// ErrClientRefused means that client id and secret do not log in. A secret that was created a moment ago may log in
	// later.
	ErrClientRefused = errors.New("invalid_client")
	// ErrDetailsRefused means that the identity lacks the permission that the requested token is for, such as CAN_QUERY
	// on an endpoint.
	ErrDetailsRefused = errors.New("invalid_authorization_details")
	// ErrScopeRefused means that the OAuth secret does not have a requested scope.
	ErrScopeRefused = errors.New("access_denied")
	// ErrAddressRefused means that the workspace does not accept calls from the address of this machine.
	ErrAddressRefused = errors.New("address refused by the workspace")
	// ErrNoDetails means that this kind of login cannot get tokens for single endpoints.
	ErrNoDetails = errors.New("no token for a single endpoint")
)

var errNoToken = errors.New("the answer is no bearer token")

// inspectOAuth turns the error of a request to the workspace's token endpoint into a failure. answered reports whether
// the endpoint has ever answered.
func inspectOAuth(err error, answered bool) failure {
	local, own := errors.AsType[*Error](err)
	if own { // the workspace's address could not be found
		return failure{contact: contactNone, local: local}
	}
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refusal.Response == nil {
		return inspect(err, answered)
	}
	f := failure{status: refusal.Response.StatusCode, retryAfter: retryAfter(refusal.Response.Header)}
	f.date, _ = http.ParseTime(refusal.Response.Header.Get("Date"))
	f.answer = answer{Error: web.Text(refusal.ErrorCode, 200), Description: web.Text(refusal.ErrorDescription, 400)}
	f.transient = isTemporary(f.status)
	return f
}

// oauthExplainer turns a failed login at the workspace into an error for the user.
type oauthExplainer struct {
	explainer
	hostAttribute, clientAttribute, secret string
}

func (e oauthExplainer) failure(f failure) *Error {
	switch f.contact {
	case contactAnswered:
	case contactNone:
		return f.local
	default:
		return e.unreachable(f)
	}
	out := &Error{}
	var hint string
	code := f.answer.Error
	switch {
	case f.transient:
		out.Summary = "Workspace's token endpoint is unavailable"
		hint = fmt.Sprintf("The workspace's token endpoint answered with status %d %s. The provider gave up after "+
			"%s in %s. The cause is usually temporary: run Terraform again later.",
			f.status, e.reason(f), attempts(f.tries), f.spent.Round(time.Second))
	case code == ErrClientRefused.Error():
		out.Summary, out.Attribute, out.Err = "Databricks refused the OAuth client", e.credential, ErrClientRefused
		hint = "There are three possible causes. The OAuth secret is wrong, was deleted or has expired. Or the " +
			"client id is not the application id of the service principal that the secret was created for. Or this " +
			"service principal is inactive or not in the workspace."
		if e.secret != "" && !databricksSecret().MatchString(e.secret) {
			hint += " The secret does not begin with \"dose\", as OAuth secrets of Databricks do. A client secret of " +
				"Entra ID cannot be used here."
		}
	case code == ErrDetailsRefused.Error():
		out.Summary, out.Attribute = "Databricks refused a token for the endpoint", e.clientAttribute
		out.Err = ErrDetailsRefused
		hint = "The service principal may not query the endpoint: it needs CAN_QUERY " +
			"(dbxaccess_serving_endpoint_permission). Without it, Databricks does not issue a token for the endpoint."
	case code == ErrScopeRefused.Error():
		out.Summary, out.Attribute, out.Err = "OAuth secret lacks a scope", e.credential, ErrScopeRefused
		hint = "The OAuth secret was created with scopes that do not include this call. Use a secret whose scopes " +
			"include it, and no other scopes that are not needed. The permissions of the secret's owner are not the " +
			"cause."
	case code == "" && f.status == http.StatusForbidden:
		out.Summary, out.Attribute, out.Err = "Workspace refuses this address", e.hostAttribute, ErrAddressRefused
		hint = "The token endpoint answered with status 403 and without an OAuth error. An IP access list or a " +
			"network policy of the workspace answers like that. Run Terraform from an address that is allowed, or " +
			"allow the address of this machine there."
	case code == "" && f.status == http.StatusNotFound:
		out.Summary, out.Attribute = "Workspace has no token endpoint", e.hostAttribute
		hint = "host has no token endpoint at " + tokenPath + ". Check that host is the address of the workspace."
	case e.federated != nil:
		out.Summary, out.Attribute = "Databricks refused the federated token", e.credential
		hint = fmt.Sprintf("The workspace answered with status %d %s. The service principal needs a federation "+
			"policy with the issuer, audience and subject of the token below. Only an account admin can see and set "+
			"such policies. A policy without audiences expects the account id as the audience. "+
			"databricks_oidc_audience sets the audience of the token.", f.status, e.reason(f))
	default:
		out.Summary, out.Attribute = "Databricks refused the login", e.credential
		hint = fmt.Sprintf("The workspace's token endpoint answered with status %d %s.", f.status, e.reason(f))
	}
	out.Detail = e.detail(hint, f.answer)
	return out
}

// unreachable returns the error for a request to the workspace's token endpoint that got no usable answer.
func (e oauthExplainer) unreachable(f failure) *Error {
	out := &Error{Attribute: e.hostAttribute, Err: f.cause, Summary: "Cannot reach the workspace's token endpoint"}
	hint := "The workspace did not answer at " + tokenPath + ". Check host, the network, HTTPS_PROXY and NO_PROXY."
	switch f.contact {
	case contactUntrusted:
		hint = "The TLS certificate of the workspace's host is not trusted on this machine. If a proxy inspects " +
			"traffic, set ca_certificate_path or SSL_CERT_FILE to a PEM file with the proxy's certificate authority."
	case contactUnusable:
		hint = clean(unusableText(f.cause))
		f.cause = nil
	case contactUnclear:
		hint = "Something answered at " + tokenPath + ", but not with a token. Check host, and whether a proxy or a " +
			"sign-in page answers instead of the workspace."
	}
	if f.cause != nil {
		hint += "\n\nThe network error: " + clean(networkText(f.cause))
	}
	out.Detail = e.detail(hint, answer{})
	return out
}

// checkDatabricksSecret returns an error at attribute if value cannot be a Databricks OAuth secret by its form. source
// says where the value was configured. The error does not quote the value.
func checkDatabricksSecret(value, attribute, source string) error {
	fail := func(format string, args ...any) error {
		return errorAt(attribute, "Not an OAuth secret of Databricks", format, args...)
	}
	switch shape := certificate.Placeholder(value); {
	case value == "":
		return fail("%s is empty.", source)
	case shape != "":
		return fail("%s is %s, a variable that the pipeline did not replace. Check its name and scope.", source, shape)
	case databricksToken().MatchString(value):
		return fail("%s is a personal access token of Databricks, not an OAuth secret. Set a personal access token "+
			"in token (or DATABRICKS_TOKEN).", source)
	}
	return nil
}
