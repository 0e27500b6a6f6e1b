package conformance

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	sourceSecrets = "docs.databricks.com/api/authentication/v1/service-principal-secret-proxy"
	sourceOAuth   = "learn.microsoft.com/azure/databricks/dev-tools/auth/oauth-m2m"
	notRecorded   = "; the text is not recorded"
)

// oauthChecks returns the checks about OAuth secrets of service principals and about the workspace's own token
// endpoint.
func oauthChecks() []Check {
	return []Check{
		{
			Name:      "oauth/metadata",
			Statement: "The workspace has a token endpoint of its own.",
			Switches:  []string{"OAuthMissing"},
			Source:    "databricks-sdk-go u2m/endpoint_supplier.go",
			Expected:  "200 with token_endpoint",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.anonymous(ctx, p.target.Host+"/oidc/.well-known/oauth-authorization-server")
				switch {
				case a.err != nil:
					return failed(a.err)
				case a.status == 404:
					return open(a.String(), workspaceSwitch("OAuthMissing", true))
				case a.ok() && strings.HasSuffix(a.text("token_endpoint"), "/oidc/v1/token"):
					return open(a.String())
				}
				return wrong("%s, token_endpoint %q", a, a.text("token_endpoint"))
			}},
		{
			Name: "oauth/wrong-client", Writes: true,
			Statement: "A client that is not known is refused in the form of OAuth.",
			Source:    "databricks-sql-nodejs issue 279",
			Expected:  "401 invalid_client",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.oauth(ctx, object{"grant_type": "client_credentials", "client_id": unusedID,
					"client_secret": randomHex(16)})
				if a.status == 400 && p.noTokenEndpoint(ctx) {
					return skipped("the workspace has no token endpoint")
				}
				return byAnswer(a, a.refused(401, "invalid_client"))
			}},
		{
			Name: "oauth/federation", Writes: true,
			Statement: "A token of another issuer that no policy names is refused.",
			Switches:  []string{"FederationRefused"},
			Source:    "databricks-jdbc issue 1179, in part",
			Expected:  "401 invalid_grant Invalid credentials",
			run: func(ctx context.Context, p *probe) Outcome {
				if p.noTokenEndpoint(ctx) {
					return skipped("the workspace has no token endpoint")
				}
				part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
				nobody := part(`{"alg":"RS256","typ":"JWT"}`) + "." +
					part(`{"iss":"https://issuer.invalid","sub":"nobody","aud":"nothing"}`) + "." + part("signature")
				a := p.oauth(ctx, object{"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
					"client_id":     uuid.NewString(),
					"subject_token": nobody, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "scope": "all-apis"})
				return refusal(a, "FederationRefused", 401, "invalid_grant", "Invalid credentials", "")
			}},
		{
			Name: "oauth/unknown-principal", Writes: true,
			Statement: "Secrets of a service principal that is not there are refused.",
			Switches:  []string{"OAuthSecretsOfUnknown"},
			Source:    sourceSecrets + notRecorded,
			Expected:  "404 RESOURCE_DOES_NOT_EXIST",
			run: func(ctx context.Context, p *probe) Outcome {
				if err := p.needAdmin(ctx); err != nil {
					return failed(err)
				}
				return refusal(p.get(ctx, oauthSecrets(unusedID)), "OAuthSecretsOfUnknown", 404,
					"RESOURCE_DOES_NOT_EXIST",
					"Service principal with id {} not found", unusedID)
			}},
		{
			Name: "oauth/secret", Writes: true,
			Statement: "A workspace admin creates a secret, with the scopes that were asked for.",
			Switches:  []string{"OAuthSecretCreated", "OAuthSecretScopesIgnored"},
			Source:    sourceSecrets + "; the status is not recorded, and scopes are newer than the rest",
			Expected:  "200 with scopes",
			run: func(ctx context.Context, p *probe) Outcome {
				s, err := p.testOAuthSecret(ctx)
				if err != nil {
					return failed(err)
				}
				var switches []Switch
				if s.created.status != 200 {
					switches = append(switches, workspaceSwitch("OAuthSecretCreated", s.created.status))
				}
				if s.created.at("scopes") == nil {
					switches = append(switches, workspaceSwitch("OAuthSecretScopesIgnored", true))
				}
				return open(fmt.Sprintf("%s, scopes %v", s.created, s.created.at("scopes")), switches...)
			}},
		{
			Name: "oauth/login", Writes: true,
			Statement: "A new secret logs in at once, and its token opens what its scopes name and nothing else.",
			Switches:  []string{"OAuthSecretDelay", "ScopeRefused"},
			Source:    sourceOAuth + "; how soon, and the text of a refusal, are not recorded",
			Expected:  "a token at once; 403 for another API",
			run:       oauthLogin},
		{
			Name: "oauth/malformed", Writes: true,
			Statement: "Authorization details that cannot be read are refused.",
			Switches:  []string{"OAuthMalformed"},
			Source:    "RFC 9396 section 5" + notRecorded,
			Expected:  "400 invalid_request",
			run: func(ctx context.Context, p *probe) Outcome {
				s, err := p.testOAuthSecret(ctx)
				if err != nil {
					return failed(err)
				}
				if _, ok := p.eventually(ctx, func() bool { return p.oauth(ctx, s.form()).ok() }); !ok {
					return skipped("the secret does not log in")
				}
				form := s.form()
				form["authorization_details"] = "no JSON"
				return refusal(p.oauth(ctx, form), "OAuthMalformed", 400, "invalid_request", "Malformed request: {}",
					"authorization_details")
			}},
		{
			Name: "oauth/duration", Writes: true,
			Statement: "A lifetime is a number with an s.",
			Switches:  []string{"OAuthSecretDuration"},
			Source:    sourceSecrets + "; command-line pages write it without",
			Expected:  "400 INVALID_PARAMETER_VALUE",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.refusedSecret(ctx, object{"lifetime": "3600"}, "OAuthSecretDuration",
					"INVALID_PARAMETER_VALUE", "lifetime is not a duration: {}", "3600")
			}},
		{
			Name: "oauth/lifetime-above", Writes: true,
			Statement: "A lifetime above 730 days is refused.",
			Switches:  []string{"OAuthSecretLifetimeAbove"},
			Source:    sourceOAuth + notRecorded,
			Expected:  "400 INVALID_PARAMETER_VALUE",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.refusedSecret(ctx, object{"lifetime": "63072001s"}, "OAuthSecretLifetimeAbove",
					"INVALID_PARAMETER_VALUE",
					"Lifetime {} is not between 1s and 63072000s", "63072001s")
			}},
		{
			Name: "oauth/unknown-secret", Writes: true,
			Statement: "Deleting a secret that is not there is refused as not found.",
			Switches:  []string{"UnknownOAuthSecret"},
			Source:    sourceSecrets + notRecorded,
			Expected:  "404 RESOURCE_DOES_NOT_EXIST",
			run: func(ctx context.Context, p *probe) Outcome {
				made, err := p.testPrincipal(ctx)
				if err != nil {
					return failed(err)
				}
				id := randomHex(32)
				return refusal(p.send(ctx, "DELETE", oauthSecrets(made.id)+"/"+id, nil), "UnknownOAuthSecret", 404,
					"RESOURCE_DOES_NOT_EXIST",
					"Secret {} not found", id)
			}},
		{
			Name: "oauth/denied", Writes: true,
			Statement: "Who is no admin of the workspace does not see secrets.",
			Switches:  []string{"OAuthSecretsDenied"},
			Source:    sourceOAuth + notRecorded,
			Expected:  "403 PERMISSION_DENIED",
			run: func(ctx context.Context, p *probe) Outcome {
				made, err := p.testPrincipal(ctx)
				if err != nil {
					return failed(err)
				}
				if _, err := p.workspaceMember(ctx); err != nil {
					return failed(err)
				}
				return refusal(p.second(ctx, "GET", oauthSecrets(made.id), nil), "OAuthSecretsDenied", 403,
					"PERMISSION_DENIED",
					"Only workspace admins can manage the secrets of service principals.", "")
			}},
		{
			Name: "oauth/pages", Writes: true,
			Statement: "The list gives as many secrets as it is asked for.",
			Switches:  []string{"OAuthSecretPageSize"},
			Source:    sourceSecrets,
			Expected:  "two on a page of two",
			run: func(ctx context.Context, p *probe) Outcome {
				s, err := p.testOAuthSecret(ctx)
				if err != nil {
					return failed(err)
				}
				if a := p.createSecret(ctx, s.owner, object{"lifetime": "3600s"}); !a.created.ok() {
					return byAnswer(a.created, false)
				}
				a := p.get(ctx, oauthSecrets(s.owner.id)+"?page_size=2")
				if n := len(a.items("secrets")); a.ok() && n == 1 {
					return open("one", workspaceSwitch("OAuthSecretPageSize", 1))
				} else if a.ok() && n == 2 {
					return open("two")
				}
				return byAnswer(a, false)
			}},
		{
			Name: "oauth/inactive", Writes: true,
			Statement: "A deactivated service principal gets no tokens.",
			Switches:  []string{"OAuthTokensForInactive"},
			Source:    "not recorded",
			Expected:  "401 invalid_client",
			run:       oauthInactive},
		{
			Name: "oauth/quota", Writes: true,
			Statement: "A sixth secret is refused.",
			Switches:  []string{"OAuthSecretQuota"},
			Source:    sourceOAuth + notRecorded,
			Expected:  "400 QUOTA_EXCEEDED",
			run:       oauthQuota},
		{
			Name: "oauth/expired", Writes: true,
			Statement: "The list leaves expired secrets out.",
			Switches:  []string{"OAuthSecretsExpiredShown"},
			Source:    "terraform-provider-databricks tokens/resource_service_principal_secret.go",
			Expected:  "not listed",
			run:       oauthExpired},
		{
			Name: "oauth/delete", Writes: true,
			Statement: "A deleted secret logs in no more.",
			Source:    sourceSecrets,
			Expected:  "401 invalid_client",
			run:       oauthDelete},
	}
}

func oauthSecrets(id string) string {
	return "/api/2.0/accounts/servicePrincipals/" + id + "/credentials/secrets"
}

// oauthSecret is an OAuth secret of the run's own service principal.
type oauthSecret struct {
	owner     principal
	id, value string
	created   answer
}

func (s oauthSecret) form() object {
	return object{"grant_type": "client_credentials", "client_id": s.owner.applicationID, "client_secret": s.value}
}

// oauth sends a form to the workspace's token endpoint.
func (p *probe) oauth(ctx context.Context, form object) answer {
	values := url.Values{}
	for name, value := range form {
		values.Set(name, fmt.Sprint(value))
	}
	a := p.do(ctx, request{method: "POST", url: p.target.Host + "/oidc/v1/token", body: values, form: true})
	p.keepSecret(a.text("access_token"))
	return a
}

func (p *probe) noTokenEndpoint(ctx context.Context) bool {
	return p.anonymous(ctx, p.target.Host+"/oidc/.well-known/oauth-authorization-server").status == 404
}

// createSecret creates an OAuth secret for a service principal of the run. It records the secrets as a creation of
// their own, so that the run removes them before the principal, because the secrets may remain in the account after the
// principal's deletion.
func (p *probe) createSecret(ctx context.Context, owner principal, body object) oauthSecret {
	if !p.secretsNoted {
		p.secretsNoted = true
		p.made(creation{
			what:   "OAuth secrets of the service principal " + owner.applicationID,
			remove: func(ctx context.Context) error { return p.deleteSecrets(ctx, owner, "") },
			gone: func(ctx context.Context) (bool, error) {
				ids, a := p.secretIDs(ctx, owner)
				return len(ids) == 0, a.err
			},
		})
	}
	s := oauthSecret{owner: owner, created: p.send(ctx, "POST", oauthSecrets(owner.id), body)}
	s.id, s.value = s.created.text("id"), s.created.text("secret")
	p.keepSecret(s.value)
	p.keepSecret(base64.StdEncoding.EncodeToString([]byte(owner.applicationID + ":" + s.value)))
	return s
}

// secretIDs returns the ids of a service principal's OAuth secrets, with one request per page, or none if the service
// principal no longer exists. The answer is the last one, and its err is set if a request failed.
func (p *probe) secretIDs(ctx context.Context, owner principal) (ids []string, a answer) {
	for page := ""; ; {
		a = p.get(ctx, oauthSecrets(owner.id)+page)
		switch {
		case a.nothingDone():
			return nil, a
		case a.err == nil && !a.ok():
			a.err = fmt.Errorf("the list of secrets was answered with %s", a)
		}
		for _, s := range a.items("secrets") {
			id, _ := s["id"].(string)
			ids = append(ids, id)
		}
		next := a.text("next_page_token")
		if a.err != nil || next == "" {
			return ids, a
		}
		page = "?page_token=" + url.QueryEscape(next)
	}
}

// deleteSecrets deletes the OAuth secrets of a service principal, except the secret with the id but.
func (p *probe) deleteSecrets(ctx context.Context, owner principal, but string) error {
	ids, a := p.secretIDs(ctx, owner)
	if a.err != nil {
		return a.err
	}
	for _, id := range ids {
		if id == but {
			continue
		}
		if err := refusedRemoval(p.send(ctx, "DELETE", oauthSecrets(owner.id)+"/"+id, nil)); err != nil {
			return err
		}
	}
	return nil
}

func (p *probe) testOAuthSecret(ctx context.Context) (oauthSecret, error) {
	return p.oauthSecret.get(func() (oauthSecret, error) {
		owner, err := p.testPrincipal(ctx)
		if err != nil {
			return oauthSecret{}, err
		}
		s := p.createSecret(ctx, owner, object{"lifetime": "3600s", "scopes": []string{"model-serving"}})
		if !s.created.ok() || s.id == "" || s.value == "" {
			return s, fmt.Errorf("creating an OAuth secret: %s", s.created)
		}
		return s, nil
	})
}

// refusedSecret tries to create an OAuth secret that the service should refuse, and judges the refusal.
func (p *probe) refusedSecret(ctx context.Context, body object, name, code, message, subject string) Outcome {
	s, err := p.testOAuthSecret(ctx)
	if err != nil {
		return failed(err)
	}
	return refusal(p.createSecret(ctx, s.owner, body).created, name, 400, code, message, subject)
}

func oauthLogin(ctx context.Context, p *probe) Outcome {
	s, err := p.testOAuthSecret(ctx)
	switch {
	case err != nil:
		return failed(err)
	case p.noTokenEndpoint(ctx):
		return skipped("the workspace has no token endpoint")
	}
	var a answer
	after, ok := p.eventually(ctx, func() bool { a = p.oauth(ctx, s.form()); return a.ok() })
	if !ok {
		return open(fmt.Sprintf("not within %s: %s", p.wait, a), workspaceSwitch("OAuthSecretDelay", p.wait.String()))
	}
	outcome := late(after, "OAuthSecretDelay")
	if s.created.at("scopes") == nil {
		return outcome
	}
	bearer := func(context.Context) (string, error) { return a.text("access_token"), nil }
	other := p.do(ctx, request{method: "GET", url: p.target.Host + "/api/2.0/clusters/list", login: bearer})
	refused := refusal(other, "ScopeRefused", 403, "PERMISSION_DENIED", "Provided OAuth token does not have "+
		"required scopes: {}", "clusters")
	if refused.Verdict != Open {
		return refused
	}
	return open(outcome.Seen+"; "+refused.Seen, append(outcome.Switches, refused.Switches...)...)
}

func oauthInactive(ctx context.Context, p *probe) Outcome {
	s, err := p.testOAuthSecret(ctx)
	if err != nil {
		return failed(err)
	}
	if _, ok := p.eventually(ctx, func() bool { return p.oauth(ctx, s.form()).ok() }); !ok {
		return skipped("the secret does not log in")
	}
	activate := func(active bool) answer {
		return p.send(ctx, "PATCH", principals+"/"+s.owner.id, object{"schemas": []string{schemaPatch},
			"Operations": []object{{"op": "replace", "path": "active", "value": []object{{"value": fmt.Sprint(active)}}}}})
	}
	if a := activate(false); a.err != nil || a.status >= 300 {
		return byAnswer(a, false)
	}
	a := p.oauth(ctx, s.form())
	if back := activate(true); back.err != nil || back.status >= 300 {
		return wrong("activating it again: %s", back)
	}
	switch {
	case a.ok():
		return open("a token", workspaceSwitch("OAuthTokensForInactive", true))
	case a.refused(401, "invalid_client"):
		return open(a.String())
	}
	return byAnswer(a, false)
}

func oauthQuota(ctx context.Context, p *probe) Outcome {
	s, err := p.testOAuthSecret(ctx)
	if err != nil {
		return failed(err)
	}
	var a answer
	for range 6 {
		if a = p.createSecret(ctx, s.owner, object{"lifetime": "3600s"}).created; !a.ok() {
			break
		}
	}
	return refusal(a, "OAuthSecretQuota", 400, "QUOTA_EXCEEDED", "Service principal {} has reached the limit of 5 "+
		"OAuth secrets.", s.owner.applicationID)
}

func oauthExpired(ctx context.Context, p *probe) Outcome {
	s, err := p.testOAuthSecret(ctx)
	if err != nil {
		return failed(err)
	}
	if err := p.deleteSecrets(ctx, s.owner, s.id); err != nil { // the previous check reached the limit of secrets
		return failed(err)
	}
	short := p.createSecret(ctx, s.owner, object{"lifetime": "1s"})
	if !short.created.ok() {
		return byAnswer(short.created, false)
	}
	p.clock.Sleep(ctx, 2*time.Second)
	ids, a := p.secretIDs(ctx, s.owner)
	switch {
	case !a.ok():
		return byAnswer(a, false)
	case slices.Contains(ids, short.id):
		return open("listed", workspaceSwitch("OAuthSecretsExpiredShown", true))
	}
	return open("not listed")
}

func oauthDelete(ctx context.Context, p *probe) Outcome {
	s, err := p.testOAuthSecret(ctx)
	if err != nil {
		return failed(err)
	}
	if err := p.deleteSecrets(ctx, s.owner, ""); err != nil {
		return failed(err)
	}
	if p.noTokenEndpoint(ctx) {
		return holds("200; the workspace has no token endpoint")
	}
	var a answer
	_, ok := p.eventually(ctx, func() bool { a = p.oauth(ctx, s.form()); return a.refused(401, "invalid_client") })
	return byAnswer(a, ok)
}
