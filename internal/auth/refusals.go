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
			"Tenant %s was not found at %s. Check tenant_id. This login is for the %s cloud; for another one set "+
				"environment.",
			e.identity.TenantID,
			e.host(),
			e.cloud.label,
		)
	}},
	{[]int{900023}, "", "Tenant name is malformed", blameTenant, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"%s is neither a directory (tenant) ID nor a domain of one. Check tenant_id.",
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
					"object ID, and tenant_id the application's home tenant. "+
					"A new application takes a while to be known.",
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
				"Application %s has no service principal in tenant %s. Create it: az ad sp create --id %s. A new "+
					"one takes a while to be known.",
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
			"The client secret (%s) is not one of application %s. Use the secret's Value, not its Secret ID, and "+
				"check that it belongs to this application.",
			e.source,
			e.identity.ClientID,
		)
	}},
	{[]int{7000222}, "", "Client secret has expired", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"The client secret (%s) of application %s has expired. Create a new one under App registrations > "+
				"Certificates & secrets, or move to a client certificate.",
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
				"%s is registered on application %s, but the registered copy has expired. Upload a new one under App "+
					"registrations > Certificates & secrets.",
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
				"The private key does not belong to the certificate registered on application %s: another one of the "+
					"same name may be registered. The provider used %s. "+
					"Compare with App registrations > Certificates & secrets.",
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
					"The OIDC token was refused for its form or signature. %s Check that its issuer publishes its "+
						"keys, and that oidc_token or its file holds the token unchanged.",
					e.token(),
				)
			}
			return fmt.Sprintf(
				"The assertion signed with %s was refused. Compare it with App registrations > Certificates & "+
					"secrets of application %s; if it is registered there, please report this.",
				e.certificate(),
				e.identity.ClientID,
			)
		},
	},
	{
		[]int{700024},
		"",
		"Client assertion is outside its time",
		blameCredential,
		func(e explainer, f failure, _ string) string {
			if e.federated != nil {
				return fmt.Sprintf(
					"The OIDC token has expired or is not valid yet. %s Such tokens live for minutes (GitHub 5, "+
						"Azure DevOps 10): use oidc_request_url and oidc_request_token, or a file that is kept "+
						"fresh, instead of a fixed oidc_token.",
					e.token(),
				)
			}
			return "The signed assertion is valid for ten minutes around this machine's time. " + e.clock(f)
		},
	},
	{[]int{700211}, "", "OIDC issuer is not trusted", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %s has no federated credential with the issuer of this token. %s Compare with App "+
				"registrations > Certificates & secrets > Federated credentials; letter case and a slash at the end "+
				"count.",
			e.identity.ClientID,
			e.token(),
		)
	}},
	{[]int{700212}, "", "OIDC audience does not match", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %s has no federated credential with the audience of this token. %s In the %s cloud the "+
				"audience is %s, in the federated credential and in the token.",
			e.identity.ClientID,
			e.token(),
			e.cloud.label,
			e.cloud.federation,
		)
	}},
	{[]int{700213}, "", "OIDC subject does not match", blameCredential, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"Application %s has no federated credential with the subject of this token. %s Give a federated "+
				"credential exactly this subject: for GitHub it holds repository and branch, tag, environment or "+
				"pull request; for Azure DevOps the service connection.",
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
					"%s Compare with App registrations > Certificates & secrets > Federated credentials. A new "+
					"one takes a while to be known.",
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
				"Application %s trusts certificates by subject name and issuer, and not this one: %s. Set "+
					"client_certificate_send_chain = true, and check that its subject is among those trusted.",
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
				"Application %s is a public client, or the credential did not arrive. Set “Allow public client "+
					"flows” to No under App registrations > Authentication and add a certificate or secret.",
				e.identity.ClientID,
			)
		},
	},
	{
		[]int{500011},
		"",
		"Resource not known in the tenant",
		blameTenant,
		func(e explainer, _ failure, scope string) string {
			if scope == DatabricksScope {
				return fmt.Sprintf(
					"Tenant %s has no service principal of Azure Databricks: this is the wrong tenant or cloud, or "+
						"no workspace was ever created there. Check tenant_id and environment.",
					e.identity.TenantID,
				)
			}
			return fmt.Sprintf(
				"Tenant %s does not know the resource of scope %s, which belongs to another cloud. Check environment "+
					"and tenant_id.",
				e.identity.TenantID,
				scope,
			)
		},
	},
	{[]int{70011, 700022}, "", "Scope is refused", blameNobody, func(_ explainer, _ failure, scope string) string {
		return fmt.Sprintf("Scope %s was refused. This is a mistake of the provider; please report it.", scope)
	}},
	{[]int{50049}, "", "Login host is not known", blameTenant, func(e explainer, _ failure, _ string) string {
		return fmt.Sprintf(
			"%s is not a login host Microsoft knows. For a private cloud set authority_host, which turns instance "+
				"discovery off.",
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
				"A Conditional Access policy blocks application %s from here, by location or risk. Ask the Microsoft "+
					"Entra administrator, with the correlation ID below.",
				e.identity.ClientID,
			)
		},
	},
}

func notRegistered(e explainer, _ failure, _ string) string {
	hint := fmt.Sprintf(
		"%s is not registered on application %s. Compare with App registrations > Certificates & secrets, or upload "+
			"its public half. "+
			"If the application trusts subject name and issuer, set client_certificate_send_chain = true.",
		e.certificate(),
		e.identity.ClientID,
	)
	if v := e.vault; v != nil && v.version != "" {
		hint += fmt.Sprintf(
			" It is version %s of %s in Key Vault %s. If it was just rotated there, pin the version that is "+
				"registered with key_vault.certificate_version until this one is registered too: register, then "+
				"rotate.",
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
		return "There was no token."
	}
	c := e.federated()
	if c == nil {
		return "Its claims cannot be read."
	}
	text := fmt.Sprintf("It has %s.", clean(fmt.Sprint(*c)))
	if e.connection != "" {
		text += fmt.Sprintf(
			" It is the token of service connection %s: the client ID %s (%s) must be the application of that "+
				"connection, or trust it.",
			e.connection,
			e.identity.ClientID,
			e.clientSource,
		)
	}
	return text
}
