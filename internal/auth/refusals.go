package auth

import (
	"fmt"
	"strings"
)

// blame says which setting a refusal of Entra ID is about, so that the error points at that setting.
type blame int

const (
	blameCredential blame = iota + 1 // a refusal that is about no setting has no blame
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
	// only is a condition on the login and the scope; nil means none.
	only func(e explainer, scope string) bool
	// hint may contain the placeholders that [explainer.fill] replaces, such as {client}.
	hint string
}

func withOIDC(e explainer, _ string) bool         { return e.federated != nil }
func toDatabricks(_ explainer, scope string) bool { return scope == DatabricksScope }

// refusals are searched in order, and the first match is used. The codes are those of "Microsoft Entra authentication
// and authorization error codes" (Microsoft identity platform).
var refusals = []refusal{
	{
		codes: []int{90002, 90038}, summary: "Tenant not found", blame: blameTenant,
		hint: "Tenant {tenant} was not found at {host}. Check tenant_id. This login is for the {cloud} cloud. For " +
			"another cloud, set environment.",
	}, {
		codes: []int{900023}, summary: "Tenant name is malformed", blame: blameTenant,
		hint: "The tenant {tenant} is neither a directory (tenant) ID nor a domain of a directory. Check tenant_id.",
	}, {
		codes: []int{700016, 70001, 700011}, summary: "Application not found in the tenant", blame: blameClient,
		hint: "Application {client} was not found in tenant {tenant}. client_id must be the application (client) " +
			"ID, not the object ID, and tenant_id the application's home tenant. A new application takes some " +
			"minutes to appear.",
	}, {
		codes: []int{7000229}, summary: "Application has no service principal", blame: blameClient,
		hint: "Application {client} has no service principal in tenant {tenant}. To create it, run: az ad sp " +
			"create --id {client}. A new service principal takes some minutes to appear.",
	}, {
		codes: []int{7000112}, summary: "Application is disabled", blame: blameClient,
		hint: "Application {client} is disabled in tenant {tenant}. Enable sign-in under Enterprise applications > " +
			"Properties.",
	}, {
		codes: []int{7000215}, summary: "Client secret is wrong", blame: blameCredential,
		hint: "Application {client} has no client secret with this value ({source}). Use the secret's Value, not " +
			"its Secret ID, and check that it belongs to this application.",
	}, {
		codes: []int{7000222}, summary: "Client secret has expired", blame: blameCredential,
		hint: "The client secret ({source}) of application {client} has expired. Create a new client secret under " +
			"App registrations > Certificates & secrets, or log in with a client certificate.",
	}, {
		codes: []int{700027}, text: "key used is expired", summary: "Registered client certificate has expired",
		blame: blameCredential,
		hint: "{certificate} is registered on application {client}, but the registered certificate has expired. " +
			"Upload a new certificate under App registrations > Certificates & secrets.",
	}, {
		codes: []int{700027}, text: "key was not found", summary: summaryNotRegistered, blame: blameCredential,
		hint: "{certificate} is not registered on application {client}. Compare it with App registrations > " +
			"Certificates & secrets, or upload the certificate without its private key there. If the application " +
			"trusts subject name and issuer, set client_certificate_send_chain = true.{vault}",
	}, {
		codes: []int{700027}, summary: "Client certificate signature is refused", blame: blameCredential,
		hint: "The private key does not belong to the certificate that is registered on application {client}. " +
			"Another certificate of the same name may be registered. The provider used {certificate}. Compare it " +
			"with App registrations > Certificates & secrets.",
	}, {
		codes: []int{50012, 50013, 50027}, only: withOIDC, summary: "Client assertion is refused",
		blame: blameCredential,
		hint: "Microsoft Entra ID refused the form or the signature of the OIDC token. {token} Check that the " +
			"issuer publishes its keys, and that oidc_token or its file holds the token unchanged.",
	}, {
		codes: []int{50012, 50013, 50027}, summary: "Client assertion is refused", blame: blameCredential,
		hint: "Microsoft Entra ID refused the assertion that is signed with {certificate}. Compare the certificate " +
			"with App registrations > Certificates & secrets of application {client}. If it is registered there, " +
			"please report this to the provider's maintainers.",
	}, {
		codes: []int{700024}, only: withOIDC, summary: "Client assertion has expired or is not yet valid",
		blame: blameCredential,
		hint: "The OIDC token has expired or is not valid yet. {token} OIDC tokens live for minutes only (GitHub " +
			"5, Azure DevOps 10). Instead of a fixed oidc_token, use oidc_request_url and oidc_request_token, or a " +
			"file that is renewed in time.",
	}, {
		codes: []int{700024}, summary: "Client assertion has expired or is not yet valid", blame: blameCredential,
		hint: "The provider signs an assertion that is valid for ten minutes around the time of this machine. {clock}",
	}, {
		codes: []int{700211}, summary: "OIDC issuer is not trusted", blame: blameCredential,
		hint: "Application {client} has no federated credential with the issuer of this token. {token} Compare the " +
			"token with App registrations > Certificates & secrets > Federated credentials. Letter case and a " +
			"slash at the end must match too.",
	}, {
		codes: []int{700212}, summary: "OIDC audience does not match", blame: blameCredential,
		hint: "Application {client} has no federated credential with the audience of this token. {token} In the " +
			"{cloud} cloud the audience must be {audience}, both in the federated credential and in the token.",
	}, {
		codes: []int{700213}, summary: "OIDC subject does not match", blame: blameCredential,
		hint: "Application {client} has no federated credential with the subject of this token. {token} Create a " +
			"federated credential with exactly this subject. In a token from GitHub, the subject names the repository " +
			"and a branch, tag, environment or pull request. In a token from Azure DevOps, it names the service " +
			"connection.",
	}, {
		codes: []int{70021, 70025}, summary: "No federated credential matches", blame: blameCredential,
		hint: "Application {client} has no federated credential that matches issuer, subject and audience of this " +
			"token. {token} Compare the token with App registrations > Certificates & secrets > Federated " +
			"credentials. A new federated credential takes some minutes to take effect.",
	}, {
		codes: []int{90061}, summary: "OIDC issuer cannot be reached",
		hint: "Microsoft Entra ID could not fetch the keys of the token's issuer. {token} The issuer's " +
			"/.well-known/openid-configuration must be reachable from the internet.",
	}, {
		codes: []int{700030}, summary: "Client certificate subject is not trusted", blame: blameCredential,
		hint: "Application {client} trusts certificates by subject name and issuer, and does not trust this " +
			"certificate: {certificate}. Set client_certificate_send_chain = true, and check that the application " +
			"trusts the certificate's subject.",
	}, {
		codes: []int{7000218, 700025}, summary: "Application accepts no credential", blame: blameClient,
		hint: "Application {client} is a public client, or Microsoft Entra ID did not receive the credential. Set " +
			"“Allow public client flows” to No under App registrations > Authentication and add a certificate or " +
			"secret.",
	}, {
		codes: []int{500011}, only: toDatabricks, summary: "Resource not found in the tenant", blame: blameTenant,
		hint: "Tenant {tenant} has no service principal of Azure Databricks: either the tenant or the cloud is " +
			"wrong, or no workspace was ever created in the tenant. Check tenant_id and environment.",
	}, {
		codes: []int{500011}, summary: "Resource not found in the tenant", blame: blameTenant,
		hint: "Tenant {tenant} does not have the resource of scope {scope}, which belongs to another cloud. Check " +
			"environment and tenant_id.",
	}, {
		codes: []int{70011, 700022}, summary: "Scope is refused",
		hint: "Scope {scope} was refused. This is a fault of the provider. Please report it to the provider's " +
			"maintainers.",
	}, {
		codes: []int{50049}, summary: "Login host is unknown to Microsoft", blame: blameTenant,
		hint: "Microsoft does not recognize {host} as a login host. For a private cloud, set authority_host, which " +
			"turns instance discovery off.",
	}, {
		codes:   []int{53003, 530031, 530032, 530033, 530034, 530035, 530036},
		summary: "Conditional Access blocks the login",
		hint: "A Conditional Access policy blocks application {client} here, because of the location or a risk. " +
			"Give the correlation ID below to the Microsoft Entra administrator.",
	},
}

// fill replaces the placeholders in the hint of a refusal.
func (e explainer) fill(hint string, f failure, scope string) string {
	return strings.NewReplacer(
		"{tenant}", e.identity.TenantID, "{client}", e.identity.ClientID, "{source}", e.source, "{scope}", scope,
		"{host}", e.host(), "{cloud}", e.cloud.label, "{audience}", e.cloud.federation,
		"{certificate}", e.certificate(), "{token}", e.token(), "{vault}", e.newVersion(), "{clock}", e.clock(f),
	).Replace(hint)
}

// newVersion returns sentences about a certificate that was perhaps just rotated in Key Vault; "" if the certificate is
// not from there.
func (e explainer) newVersion() string {
	v := e.vault
	if v == nil || v.version == "" {
		return ""
	}
	return fmt.Sprintf(" It is version %s of %s in Key Vault %s. If the certificate was rotated in Key Vault a "+
		"moment ago, set key_vault.certificate_version to the registered version until the new version is "+
		"registered too. Next time, register a new version before it becomes the newest.", v.version, v.name, v.host)
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
		text += fmt.Sprintf(" The token is that of service connection %s. The client ID %s (%s) must be the "+
			"application of this service connection, or an application with a federated credential for it.",
			e.connection, e.identity.ClientID, e.clientSource)
	}
	return text
}
