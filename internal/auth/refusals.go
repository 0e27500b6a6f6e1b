package auth

import "fmt"

// blame says which setting a refusal of Entra ID is about, so that the error points at that setting.
type blame int

const (
	blameNobody blame = iota
	blameCredential
	blameTenant
	blameClient
)

// refusal describes one family of error responses of Microsoft Entra ID: how to recognise it, and the error for the
// user.
type refusal struct {
	codes []int
	// text must occur in the description of the response, in lower case; "" matches any description.
	text    string
	summary string
	blame   blame
	hint    func(explainer, failure, string) string
}

// refusals are searched in order, and the first match is used. The codes are those of "Microsoft Entra authentication
// and authorization error codes" (Microsoft identity platform).
var refusals = []refusal{
	{[]int{90002, 90038}, "", "Tenant not found", blameTenant, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Tenant %s was not found at %s. Check tenant_id. This login is for the %s cloud. For another cloud, set "+
				"environment.",
			e.identity.TenantID,
			e.host(),
			e.cloud.label,
		)
	}},
	{[]int{900023}, "", "Tenant name is malformed", blameTenant, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"The tenant %s is neither a directory (tenant) ID nor a domain of a directory. Check tenant_id.",
			e.identity.TenantID,
		)
	}},
	{
		[]int{700016, 70001, 700011},
		"",
		"Application not found in the tenant",
		blameClient,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"Application %s was not found in tenant %s. client_id must be the application (client) ID, not the "+
					"object ID, and tenant_id the application's home tenant. A new application takes some minutes to "+
					"appear.",
				e.identity.ClientID,
				e.identity.TenantID,
			)
		},
	},
	{
		[]int{7000229},
		"",
		"Application has no service principal",
		blameClient,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"Application %s has no service principal in tenant %s. To create it, run: az ad sp create --id %s. A "+
					"new service principal takes some minutes to appear.",
				e.identity.ClientID,
				e.identity.TenantID,
				e.identity.ClientID,
			)
		},
	},
	{[]int{7000112}, "", "Application is disabled", blameClient, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %s is disabled in tenant %s. Enable sign-in under Enterprise applications > Properties.",
			e.identity.ClientID,
			e.identity.TenantID,
		)
	}},
	{[]int{7000215}, "", "Client secret is wrong", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %[2]s has no client secret with this value (%[1]s). Use the secret's Value, not its Secret "+
				"ID, and check that it belongs to this application.",
			e.source,
			e.identity.ClientID,
		)
	}},
	{[]int{7000222}, "", "Client secret has expired", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"The client secret (%s) of application %s has expired. Create a new client secret under App "+
				"registrations > Certificates & secrets, or log in with a client certificate.",
			e.source,
			e.identity.ClientID,
		)
	}},
	{
		[]int{700027},
		"key used is expired",
		"Registered client certificate has expired",
		blameCredential,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"%s is registered on application %s, but the registered certificate has expired. Upload a new "+
					"certificate under App registrations > Certificates & secrets.",
				e.certificate(),
				e.identity.ClientID,
			)
		},
	},
	{[]int{700027}, "key was not found", summaryNotRegistered, blameCredential, notRegistered},
	{
		[]int{700027},
		"",
		"Client certificate signature is refused",
		blameCredential,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"The private key does not belong to the certificate that is registered on application %s. Another "+
					"certificate of the same name may be registered. The provider used %s. Compare it with App "+
					"registrations > Certificates & secrets.",
				e.identity.ClientID,
				e.certificate(),
			)
		},
	},
	{
		[]int{50012, 50013, 50027},
		"",
		"Client assertion is refused",
		blameCredential,
		func(e explainer, _ failure, _ string) string {
			if e.federated != nil {
				return fmt.Sprintf(
					"Microsoft Entra ID refused the form or the signature of the OIDC token. %s Check that the "+
						"issuer publishes its keys, and that oidc_token or its file holds the token unchanged.",
					e.token(),
				)
			}
			return fmt.Sprintf(
				"Microsoft Entra ID refused the assertion that is signed with %s. Compare the certificate with App "+
					"registrations > Certificates & secrets of application %s. If it is registered there, please "+
					"report this to the provider's maintainers.",
				e.certificate(),
				e.identity.ClientID,
			)
		},
	},
	{
		[]int{700024},
		"",
		"Client assertion has expired or is not yet valid",
		blameCredential,
		func(e explainer, f failure, _ string) string {
			if e.federated != nil {
				return fmt.Sprintf(
					"The OIDC token has expired or is not valid yet. %s OIDC tokens live for minutes only (GitHub 5, "+
						"Azure DevOps 10). Instead of a fixed oidc_token, use oidc_request_url and "+
						"oidc_request_token, or a file that is renewed in time.",
					e.token(),
				)
			}
			return "The provider signs an assertion that is valid for ten minutes around the time of this " +
				"machine. " + e.clock(f)
		},
	},
	{[]int{700211}, "", "OIDC issuer is not trusted", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %s has no federated credential with the issuer of this token. %s Compare the token with App "+
				"registrations > Certificates & secrets > Federated credentials. Letter case and a slash at the end "+
				"must match too.",
			e.identity.ClientID,
			e.token(),
		)
	}},
	{[]int{700212}, "", "OIDC audience does not match", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %s has no federated credential with the audience of this token. %s In the %s cloud the "+
				"audience must be %s, both in the federated credential and in the token.",
			e.identity.ClientID,
			e.token(),
			e.cloud.label,
			e.cloud.federation,
		)
	}},
	{[]int{700213}, "", "OIDC subject does not match", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %s has no federated credential with the subject of this token. %s Create a federated "+
				"credential with exactly this subject. A subject of GitHub contains the repository and a branch, "+
				"tag, environment or pull request; a subject of Azure DevOps contains the service connection.",
			e.identity.ClientID,
			e.token(),
		)
	}},
	{
		[]int{70021, 70025},
		"",
		"No federated credential matches",
		blameCredential,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"Application %s has no federated credential that matches issuer, subject and audience of this token. "+
					"%s Compare the token with App registrations > Certificates & secrets > Federated credentials. A "+
					"new federated credential takes some minutes to take effect.",
				e.identity.ClientID,
				e.token(),
			)
		},
	},
	{[]int{90061}, "", "OIDC issuer cannot be reached", blameNobody, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Microsoft Entra ID could not fetch the keys of the token's issuer. %s The issuer's "+
				"/.well-known/openid-configuration must be reachable from the internet.",
			e.token(),
		)
	}},
	{
		[]int{700030},
		"",
		"Client certificate subject is not trusted",
		blameCredential,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"Application %s trusts certificates by subject name and issuer, and does not trust this certificate: "+
					"%s. Set client_certificate_send_chain = true, and check that the application trusts the "+
					"certificate's subject.",
				e.identity.ClientID,
				e.certificate(),
			)
		},
	},
	{
		[]int{7000218, 700025},
		"",
		"Application accepts no credential",
		blameClient,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"Application %s is a public client, or Microsoft Entra ID did not receive the credential. Set “Allow "+
					"public client flows” to No under App registrations > Authentication and add a certificate or "+
					"secret.",
				e.identity.ClientID,
			)
		},
	},
	{
		[]int{500011},
		"",
		"Resource not found in the tenant",
		blameTenant,
		func(e explainer, _ failure, scope string) string {
			if scope == DatabricksScope {
				return fmt.Sprintf(
					"Tenant %s has no service principal of Azure Databricks: either the tenant or the cloud is "+
						"wrong, or no workspace was ever created in the tenant. Check tenant_id and environment.",
					e.identity.TenantID,
				)
			}
			return fmt.Sprintf(
				"Tenant %s does not have the resource of scope %s, which belongs to another cloud. Check environment "+
					"and tenant_id.",
				e.identity.TenantID,
				scope,
			)
		},
	},
	{[]int{70011, 700022}, "", "Scope is refused", blameNobody, func(_ explainer, _ failure, scope string) string {
		return fmt.Sprintf("Scope %s was refused. This is a fault of the provider. Please report it to the "+
			"provider's maintainers.", scope)
	}},
	{[]int{50049}, "", "Login host is unknown to Microsoft",
		blameTenant, func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"Microsoft does not recognize %s as a login host. For a private cloud, set authority_host, which turns "+
					"instance discovery off.",
				e.host(),
			)
		}},
	{
		[]int{53003, 530031, 530032, 530033, 530034, 530035, 530036},
		"",
		"Conditional Access blocks the login",
		blameNobody,
		func(e explainer, _ failure, _ string) string {
			return fmt.Sprintf(
				"A Conditional Access policy blocks application %s here, because of the location or a risk. Give the "+
					"correlation ID below to the Microsoft Entra administrator.",
				e.identity.ClientID,
			)
		},
	},
}

func notRegistered(e explainer, _ failure, _ string) string {
	hint := fmt.Sprintf(
		"%s is not registered on application %s. Compare it with App registrations > Certificates & secrets, or "+
			"upload the certificate without its private key there. If the application trusts subject name and "+
			"issuer, set client_certificate_send_chain = true.",
		e.certificate(),
		e.identity.ClientID,
	)
	if v := e.vault; v != nil && v.version != "" {
		hint += fmt.Sprintf(
			" It is version %s of %s in Key Vault %s. If the certificate was rotated in Key Vault a moment ago, set "+
				"key_vault.certificate_version to the registered version until the new version is registered too. "+
				"Next time, register a new version before it becomes the newest.",
			v.version,
			v.name,
			v.host,
		)
	}
	return hint
}

// token returns a sentence with the claims of the last OIDC token that was sent to Entra ID.
func (e explainer) token() string {
	if e.federated == nil {
		return "The provider had no OIDC token."
	}
	c := e.federated()
	if c == nil {
		return "The claims of the token cannot be read."
	}
	text := fmt.Sprintf("The token has %s.", clean(fmt.Sprint(*c)))
	if e.connection != "" {
		text += fmt.Sprintf(
			" The token is that of service connection %s. The client ID %s (%s) must be the application of this "+
				"service connection, or an application with a federated credential for it.",
			e.connection,
			e.identity.ClientID,
			e.clientSource,
		)
	}
	return text
}
