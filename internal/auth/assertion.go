package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// maxAssertionAnswer is the largest response, in bytes, that is read from a service that issues OIDC tokens.
const maxAssertionAnswer = 256 << 10

// assertionSource is a source of OIDC tokens of another issuer, such as GitHub Actions. Such tokens expire after
// minutes, so each login gets a new token.
type assertionSource struct {
	// setting is the setting that selects this source. Errors of the source name it, and it becomes the source of the
	// login.
	setting Setting
	fetch   func(context.Context) (string, error)
}

// assertionError is a failure to get an OIDC token of another issuer. No request with such a token has been sent.
type assertionError struct {
	report     *Error
	transient  bool
	retryAfter time.Duration
}

func (e *assertionError) Error() string { return e.report.Error() }

func (e *assertionError) Unwrap() error { return e.report }

// assertion returns the configured source of OIDC tokens. Settings in HCL take precedence over settings in the
// environment. Within each of the two, the order of precedence is: a token file or an inline token, Azure Kubernetes
// Service, Azure Pipelines, GitHub Actions. If podFile is true and no source is configured, the token file of a pod is
// used.
func (o *opening) assertion(s Settings, podFile bool) (assertionSource, error) {
	candidates := []struct {
		Setting
		make func() (assertionSource, error)
	}{
		{s.OIDCTokenFilePath, func() (assertionSource, error) { return o.fromFileOrInline(s) }},
		{s.OIDCToken, func() (assertionSource, error) { return o.fromFileOrInline(s) }},
		{s.UseAKSWorkloadIdentity.whenOn(), func() (assertionSource, error) { return o.fromPod(s) }},
		{s.ADOServiceConnectionID, func() (assertionSource, error) { return o.fromAzurePipelines(s) }},
		{s.OIDCRequestURL, func() (assertionSource, error) { return o.fromGitHub(s) }},
		{s.OIDCRequestToken, func() (assertionSource, error) { return o.fromGitHub(s) }},
	}
	for _, wanted := range []func(Setting) bool{fromHCL, fromEnv} {
		for _, c := range candidates {
			if c.IsSet() && wanted(c.Setting) {
				return c.make()
			}
		}
	}
	if path := o.env(envFederatedTokenFile); podFile && path != "" {
		return fileSource(Setting{Value: path, Attribute: s.OIDCTokenFilePath.Attribute, Env: envFederatedTokenFile})
	}
	return assertionSource{}, errorAt(s.UseOIDC.attributeOr("use_oidc"), "No OIDC token to log in with",
		"The login needs an OIDC token, and no setting says where to get one. In GitHub Actions give the job "+
			"permissions: id-token: write, and GitHub sets ACTIONS_ID_TOKEN_REQUEST_URL. In Azure Pipelines set "+
			"ado_pipeline_service_connection_id and pass SYSTEM_ACCESSTOKEN: $(System.AccessToken) to the step. "+
			"Elsewhere set oidc_token_file_path, oidc_token or use_aks_workload_identity.")
}

// fromFileOrInline returns the source for the configured OIDC token, or for the configured file that holds the token.
func (o *opening) fromFileOrInline(s Settings) (assertionSource, error) {
	better, same := prefer(s.OIDCTokenFilePath, s.OIDCToken)
	if same {
		if _, err := valueOrFile(s.OIDCToken, s.OIDCTokenFilePath, oidcTokenFile); err != nil {
			return assertionSource{}, err
		}
	}
	if better == s.OIDCTokenFilePath {
		o.warnIfOpenToOthers(better, oidcTokenFile.what)
		return fileSource(better)
	}
	token := strings.TrimSpace(s.OIDCToken.Value)
	if err := checkJWT(token, s.OIDCToken.attributeOr("oidc_token"), s.OIDCToken.Source()); err != nil {
		return assertionSource{}, err
	}
	return assertionSource{
		setting: s.OIDCToken,
		fetch:   func(context.Context) (string, error) { return token, nil },
	}, nil
}

// fileSource returns a source that reads the token file at each login, because another program may renew the file. It
// returns an error if the file does not hold a JWT now.
func fileSource(file Setting) (assertionSource, error) {
	fetch := func(context.Context) (string, error) {
		token, err := readValueFile(file, oidcTokenFile)
		web.Conceal(token)
		if err == nil {
			err = checkJWT(token, file.attributeOr("oidc_token_file_path"), "The file of "+file.Source())
		}
		if invalid, failed := errors.AsType[*Error](err); failed {
			return "", &assertionError{report: invalid}
		}
		return token, nil
	}
	if _, err := fetch(context.Background()); err != nil {
		return assertionSource{}, errors.Unwrap(err)
	}
	return assertionSource{setting: file, fetch: fetch}, nil
}

func checkJWT(token, attribute, where string) error {
	if _, err := Claims(token); err == nil {
		return nil
	}
	return &Error{
		Attribute: attribute,
		Summary:   "OIDC token is not a JWT",
		Detail:    where + " does not contain a JWT: three base64url parts, separated by dots.",
	}
}

func (o *opening) fromPod(s Settings) (assertionSource, error) {
	path := o.env(envFederatedTokenFile)
	if path == "" {
		return assertionSource{}, notInPod(s, envFederatedTokenFile)
	}
	return fileSource(Setting{Value: path, Attribute: s.UseAKSWorkloadIdentity.Attribute, Env: envFederatedTokenFile})
}

// fromGitHub returns a source that requests OIDC tokens from GitHub Actions (GitHub documentation, "OpenID Connect
// reference").
func (o *opening) fromGitHub(s Settings) (assertionSource, error) {
	if s.OIDCRequestURL.Env == azurePipelines.url || isPipelinesURL(s.OIDCRequestURL.Value) {
		return assertionSource{}, needsServiceConnection(s)
	}
	to, err := o.requestTo(s, gitHubActions, azurePipelines)
	if err != nil {
		return assertionSource{}, err
	}
	query := to.address.Query()
	query.Set("audience", cmp.Or(o.audience, o.cloud.federation))
	to.address.RawQuery = query.Encode()
	return o.tokenService(gitHubActions.name, to.from, http.MethodGet, to, nil, "value", needsServiceConnection(s)), nil
}

// isPipelinesURL reports whether a URL is the request URL of Azure Pipelines (SYSTEM_OIDCREQUESTURI), whatever setting
// or variable holds the URL.
func isPipelinesURL(value string) bool {
	u, err := url.Parse(strings.TrimSpace(value))
	return err == nil && strings.HasSuffix(strings.ToLower(strings.TrimSuffix(u.Path, "/")), "/oidctoken")
}

func needsServiceConnection(s Settings) *Error {
	return errorAt(s.ADOServiceConnectionID.attributeOr("ado_pipeline_service_connection_id"),
		"Azure Pipelines needs a service connection",
		"Azure Pipelines (%s) issues OIDC tokens for service connections only. Set "+
			"ado_pipeline_service_connection_id (or ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID) to the ID of the service "+
			"connection.", s.OIDCRequestURL.Source())
}

// fromAzurePipelines returns a source that requests OIDC tokens of a service connection from Azure Pipelines (Azure
// DevOps REST API, "Oidctoken - Create").
func (o *opening) fromAzurePipelines(s Settings) (assertionSource, error) {
	to, err := o.requestTo(s, azurePipelines, gitHubActions)
	if err != nil {
		return assertionSource{}, err
	}
	query := to.address.Query()
	query.Set("api-version", "7.1")
	query.Set("serviceConnectionId", strings.TrimSpace(s.ADOServiceConnectionID.Value))
	to.address.RawQuery = query.Encode()
	// Without the header X-Tfs-Fedauthredirect, Azure DevOps answers a refused request with a redirect to a sign-in
	// page.
	header := http.Header{"X-Tfs-Fedauthredirect": {"Suppress"}, "Content-Type": {"application/json"}}
	return o.tokenService(azurePipelines.name, s.ADOServiceConnectionID, http.MethodPost, to, header, "oidcToken",
		nil), nil
}

// otherServiceConnection returns a warning if the environment shows that the service connection belongs to another
// application than the configured client id, else nil. The environment variables are those that the task AzureCLI of
// Azure Pipelines, and similar tasks, set.
func (o *opening) otherServiceConnection(s Settings) *Warning {
	connection := o.env("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")
	application := o.env("AZURESUBSCRIPTION_CLIENT_ID")
	if application == "" || !strings.EqualFold(connection, strings.TrimSpace(s.ADOServiceConnectionID.Value)) ||
		strings.EqualFold(application, strings.TrimSpace(s.ClientID.Value)) {
		return nil
	}
	return &Warning{
		Attribute: s.ClientID.attributeOr("client_id"),
		Summary:   "Client ID is not that of the service connection: " + strings.TrimSpace(s.ClientID.Value),
		Detail: fmt.Sprintf("Service connection %s logs in as application %s (AZURESUBSCRIPTION_CLIENT_ID in the "+
			"environment), but the client ID configured is %s (%s). Microsoft Entra ID accepts the token for the "+
			"application of the service connection only, unless the configured application has a federated "+
			"credential for this service connection too.",
			connection, application, strings.TrimSpace(s.ClientID.Value), s.ClientID.Source()),
	}
}

// pipelineSystem is a system that runs pipelines and issues OIDC tokens to their jobs.
type pipelineSystem struct {
	name string
	// url and token are the names of the environment variables from which a job takes oidc_request_url and
	// oidc_request_token. urlHint and tokenHint say when a job has them.
	url, urlHint, token, tokenHint string
}

var (
	gitHubActions = pipelineSystem{
		name: "GitHub Actions",
		url:  "ACTIONS_ID_TOKEN_REQUEST_URL", urlHint: "which a job with permissions: id-token: write has",
		token: "ACTIONS_ID_TOKEN_REQUEST_TOKEN", tokenHint: "which a job with permissions: id-token: write has",
	}
	azurePipelines = pipelineSystem{
		name: "Azure Pipelines",
		url:  "SYSTEM_OIDCREQUESTURI", urlHint: "which every job has",
		token: "SYSTEM_ACCESSTOKEN", tokenHint: "which a step must be given: SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
	}
)

// tokenRequest is where a pipeline system issues OIDC tokens, and the token that authorizes a request there.
type tokenRequest struct {
	from    Setting // the setting that holds the address
	address *url.URL
	bearer  string
}

// requestTo returns the configured address and token of a system. The environment may also have variables of other.
// These are replaced by the variables of the system, because the token of one system must not be sent to the other.
func (o *opening) requestTo(s Settings, system, other pipelineSystem) (tokenRequest, error) {
	own := func(configured Setting, foreign, variable string) Setting {
		if configured.Env != foreign {
			return configured
		}
		value := o.env(variable)
		if value == "" {
			return Setting{Attribute: configured.Attribute}
		}
		return Setting{Value: value, Attribute: configured.Attribute, Env: variable}
	}
	from, bearer := own(s.OIDCRequestURL, other.url, system.url), own(s.OIDCRequestToken, other.token, system.token)
	web.Conceal(bearer.Value)
	for _, need := range []struct {
		Setting
		name, variable, hint, foreign string
	}{
		{from, "oidc_request_url", system.url, system.urlHint, s.OIDCRequestURL.Env},
		{bearer, "oidc_request_token", system.token, system.tokenHint, s.OIDCRequestToken.Env},
	} {
		if need.IsSet() {
			continue
		}
		attribute := need.attributeOr(need.name)
		detail := fmt.Sprintf("%s is not set. In %s its value comes from %s, %s.",
			attribute, system.name, need.variable, need.hint)
		if need.foreign != "" {
			detail += fmt.Sprintf(" The provider does not use %s, because that variable belongs to %s.",
				need.foreign, other.name)
		}
		if system == gitHubActions {
			detail += " In Azure Pipelines also set ado_pipeline_service_connection_id."
		}
		return tokenRequest{}, errorAt(attribute, "Incomplete OIDC login", "%s", detail)
	}
	address, err := parseRequestURL(from.Value)
	if err != nil {
		return tokenRequest{}, atSetting(err, from, "oidc_request_url")
	}
	return tokenRequest{from, address, strings.TrimSpace(bearer.Value)}, nil
}

// CheckOIDCRequestURL returns an error unless value is an https URL, or an http URL of this machine.
func CheckOIDCRequestURL(value string) error {
	_, err := parseRequestURL(value)
	return err
}

func parseRequestURL(value string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil || !IsHostName(u.Hostname()) {
		return nil, errorAt("", "Invalid OIDC request URL", "oidc_request_url is not a URL.")
	}
	ip, notIP := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || notIP == nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return nil, errorAt("", "Invalid OIDC request URL",
			"oidc_request_url must begin with https, because the provider sends a credential to this address.")
	}
	return u, nil
}

// tokenService returns a source that requests each OIDC token by HTTP. field is the field of the JSON response that
// holds the token. notAllowed is the error for status 405 (method not allowed), because then the address belongs to
// another service than expected; nil if there is no such error.
func (o *opening) tokenService(
	name string, setting Setting, method string, to tokenRequest, header http.Header, field string, notAllowed *Error,
) assertionSource {
	attribute := setting.attributeOr("oidc_request_url")
	fail := func(transient bool, pause time.Duration, format string, args ...any) (string, error) {
		return "", &assertionError{transient: transient, retryAfter: pause, report: &Error{
			Attribute: attribute,
			Summary:   "Cannot get an OIDC token",
			Detail:    name + " returned no token: " + fmt.Sprintf(format, args...),
		}}
	}
	fetch := func(ctx context.Context) (string, error) {
		request, err := http.NewRequestWithContext(ctx, method, to.address.String(), nil)
		if err != nil {
			return fail(false, 0, "oidc_request_url is not usable.")
		}
		maps.Copy(request.Header, header)
		request.Header.Set("Accept", "application/json")
		request.Header.Set("Authorization", "Bearer "+to.bearer)
		response, err := o.http.Do(request)
		if unusable, ok := errors.AsType[web.Unusable](err); ok {
			return fail(false, 0, "%s", clean(unusableText(unusable)))
		}
		if err != nil {
			return fail(ctx.Err() == nil && !wrongAddress(err), 0,
				"the provider cannot reach %s: %s. Check the network, HTTPS_PROXY and NO_PROXY.",
				to.address.Host, clean(networkText(err)))
		}
		defer func() { _ = response.Body.Close() }()
		body, _, err := readLimited(response.Body, maxAssertionAnswer)
		if err != nil {
			return fail(true, 0, "the answer was cut off. Run Terraform again.")
		}
		if status := response.StatusCode; status != http.StatusOK {
			var said struct{ Message string }
			_ = json.Unmarshal(body, &said)
			if status == http.StatusMethodNotAllowed && notAllowed != nil {
				return "", &assertionError{report: notAllowed}
			}
			hint := "The request token (oidc_request_token) may have expired with its job, or belong to another job."
			if status == http.StatusNotFound {
				hint = "Check ado_pipeline_service_connection_id and oidc_request_url."
			}
			return fail(status == http.StatusTooManyRequests || status >= 500, retryAfter(response.Header),
				"it answered with status %d %s. %s", status, clean(said.Message), hint)
		}
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			return fail(false, 0, "its answer is not JSON. Check oidc_request_url.")
		}
		token, _ := answer[field].(string)
		web.Conceal(token)
		if checkJWT(token, attribute, name) != nil {
			return fail(false, 0, "its answer has no token in %q. Check oidc_request_url, and that "+
				"ado_pipeline_service_connection_id is set in Azure Pipelines only.", field)
		}
		return token, nil
	}
	return assertionSource{setting: setting, fetch: fetch}
}

// federatedClaims are the claims of an OIDC token by which Entra ID finds a federated credential, and the token's
// expiry.
type federatedClaims struct{ audience, issuer, subject, expires string }

// Format writes the claims, whatever the verb. No claim is secret.
func (c federatedClaims) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "audience (aud) %s, issuer (iss) %s, subject (sub) %s, expires %s",
		c.audience, c.issuer, c.subject, c.expires)
}

// readFederated returns the claims of an OIDC token without verifying the token; nil if the token cannot be decoded.
func readFederated(token string) *federatedClaims {
	text, err := Claims(token)
	if err != nil {
		return nil
	}
	var raw struct {
		Aud      any    `json:"aud"`
		Iss, Sub string `json:",omitempty"`
		Exp      float64
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil
	}
	c := &federatedClaims{issuer: raw.Iss, subject: raw.Sub, expires: "never"}
	switch aud := raw.Aud.(type) {
	case string:
		c.audience = aud
	case []any:
		c.audience = strings.Trim(fmt.Sprint(aud), "[]")
	}
	if raw.Exp > 0 {
		c.expires = time.Unix(int64(raw.Exp), 0).UTC().Format(time.RFC3339)
	}
	return c
}
