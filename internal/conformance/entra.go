package conformance

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// entraChecks returns the checks about Entra ID, which issues the access tokens. Checks that send requests themselves
// do not send the login's credentials.
func entraChecks() []Check {
	return []Check{
		{
			Name:      "entra/unknown-tenant",
			Statement: "Metadata of a tenant that is not there is refused by name.",
			Source:    "Azure/azure-cli issue 22145",
			Expected:  "400 invalid_tenant, 90002",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.asEntra(func(base, _ string) Outcome {
					a := p.anonymous(ctx, base+"/"+uuid.NewString()+"/v2.0/.well-known/openid-configuration")
					return byAnswer(a, a.refused(400, "invalid_tenant") && a.hasNumber(90002))
				})
			}},
		{
			Name:      "entra/every-tenant",
			Statement: "Metadata exists under organizations and common.",
			Expected:  "200 for both",
			Source:    "learn.microsoft.com/entra/identity-platform/v2-protocols-oidc",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.asEntra(func(base, _ string) Outcome {
					for _, name := range []string{"organizations", "common"} {
						a := p.anonymous(ctx, base+"/"+name+"/v2.0/.well-known/openid-configuration")
						if !a.ok() || a.text("issuer") == "" {
							return byAnswer(a, false)
						}
					}
					return holds("200 for both")
				})
			}},
		{
			Name:      "entra/unknown-application",
			Statement: "An application that the tenant does not know is refused by code.",
			Source: "learn.microsoft.com/entra/identity-platform/reference-error-codes; microsoft/AzureTRE " +
				"issue 1475",
			Expected: "400 unauthorized_client, 700016",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.asEntra(func(base, tenant string) Outcome {
					a := p.askToken(ctx, base+"/"+tenant, p.target.DatabricksScope)
					return byAnswer(a, a.refused(400, "unauthorized_client") && a.hasNumber(700016))
				})
			}},
		{
			Name:      "entra/token-tenant-error",
			Statement: "The token endpoint of a tenant that is not there answers invalid_request.",
			Switches:  []string{"TokenTenantErrorName"},
			Source:    "Azure/BatchAI pull request 31 and Azure/azure-cli issue 22145 differ",
			Expected:  "400 invalid_request, 90002",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.asEntra(func(base, _ string) Outcome {
					a := p.askToken(ctx, base+"/"+uuid.NewString(), p.target.DatabricksScope)
					switch {
					case a.err != nil:
						return failed(a.err)
					case a.status != 400 || !a.hasNumber(90002):
						return wrong("%s", a)
					case a.code() == "invalid_request":
						return open(a.String())
					}
					return open(a.String(), Switch{"entra", "TokenTenantErrorName", a.code()})
				})
			}},
		{
			Name:      "entra/description-lines",
			Statement: "A description of an error is one line.",
			Switches:  []string{"DescriptionLines"},
			Source:    "recorded in both forms, older answers with line breaks",
			Expected:  "no line break",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.asEntra(func(base, tenant string) Outcome {
					a := p.askToken(ctx, base+"/"+tenant, p.target.DatabricksScope)
					switch {
					case a.err != nil:
						return failed(a.err)
					case a.text("error_description") == "":
						return wrong("%s", a)
					case strings.Contains(a.text("error_description"), "\n"):
						return open("line breaks", Switch{"entra", "DescriptionLines", true})
					}
					return open("no line break")
				})
			}},
		{
			Name:      "entra/management-scope",
			Statement: "A scope with one slash gets a token for Azure Resource Manager.",
			Switches:  []string{"RefuseSingleSlashManagement"},
			Source:    "not documented; the audience ends with a slash of its own",
			Expected:  "a token",
			run: func(ctx context.Context, p *probe) Outcome {
				// A cloud's scope is the audience of Azure Resource Manager, with its final slash, followed by
				// /.default.
				single := strings.Replace(p.target.ManagementScope, "//.default", "/.default", 1)
				if _, err := p.target.Login(ctx, p.target.ManagementScope); err != nil ||
					single == p.target.ManagementScope {
					return skipped("the login gets no token for Azure Resource Manager")
				}
				token, err := p.target.Login(ctx, single)
				switch {
				case err != nil && strings.Contains(err.Error(), "500011"):
					return open("refused with 500011", Switch{"entra", "RefuseSingleSlashManagement", true})
				case err != nil:
					return failed(err)
				}
				p.keepSecret(token)
				return open("a token")
			}},
	}
}

// asEntra runs a check with the address of the login's authority and with its tenant.
func (p *probe) asEntra(run func(base, tenant string) Outcome) Outcome {
	i := strings.LastIndex(p.target.Authority, "/")
	if i < 0 {
		return skipped("the login does not say where its tokens come from")
	}
	return run(p.target.Authority[:i], p.target.Authority[i+1:])
}

// askToken requests a token for an application that exists in no tenant.
func (p *probe) askToken(ctx context.Context, authority, scope string) answer {
	return p.do(ctx, request{method: "POST", url: authority + "/oauth2/v2.0/token", form: true, body: url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope},
		"client_id": {uuid.NewString()}, "client_secret": {"none"},
	}})
}

// hasNumber reports whether an answer of Entra ID has the given error number.
func (a answer) hasNumber(n int) bool {
	list, _ := a.at("error_codes").([]any)
	return slices.ContainsFunc(list, func(v any) bool {
		f, ok := v.(float64)
		return ok && int(f) == n
	}) || strings.HasPrefix(a.text("error_description"), "AADSTS"+strconv.Itoa(n))
}
