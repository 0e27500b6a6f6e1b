package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func (p *dbxaccess) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	attributes, vault := map[string]schema.Attribute{}, map[string]schema.Attribute{}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages who can call Azure Databricks model-serving endpoints: service principals in " +
			"the workspace, their grants, and the tokens and OAuth secrets that they own.",
		Attributes: attributes,
	}
	text := func(name, description string, validators ...validator.String) {
		attributes[name] = schema.StringAttribute{
			Optional:            true,
			Validators:          validators,
			MarkdownDescription: described(name, description),
		}
	}
	secret := func(name, description string) {
		attributes[name] = schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: described(name, description),
		}
	}
	number := func(name, description string) {
		attributes[name] = schema.Int64Attribute{
			Optional:            true,
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
			MarkdownDescription: described(name, description),
		}
	}
	flag := func(name, description string) {
		attributes[name] = schema.BoolAttribute{Optional: true, MarkdownDescription: described(name, description)}
	}
	inVault := func(name, description string, validators ...validator.String) {
		vault[name] = schema.StringAttribute{
			Optional:            true,
			Validators:          validators,
			MarkdownDescription: described("key_vault."+name, description),
		}
	}
	secretName := fwkit.Checked("Not a name in Key Vault", auth.CheckSecretName)

	text("host", "The workspace, as `https://adb-….azuredatabricks.net` or the bare host; a path is ignored, and "+
		"`?o=ID` sets `workspace_id`. `http` is accepted for a loopback address only.",
		fwkit.Checked("Not a workspace address", checkHost))
	text("azure_workspace_resource_id", "Resource id of the workspace in Azure. Without `host` the provider finds the "+
		"address with it, which requires the role Reader on that resource.",
		fwkit.Checked("Not a workspace's resource id", checkResourceID))
	flag("azure_workspace_admin_login", "Sends a management token and `azure_workspace_resource_id` with each call. "+
		"**A Contributor or Owner of the workspace's Azure resource then becomes a workspace admin, permanently.** "+
		"Use it for the first login to a new workspace only. Default: `false`.")
	text("workspace_id", "Id of the workspace, digits only. Only a host that serves several workspaces needs it. An "+
		"answer from another workspace is an error.", fwkit.Checked("Not a workspace id", checkWorkspaceID))
	text("auth_type", "Selects the kind of login: `certificate`, `key_vault`, `client_secret`, `oidc`, `msi`, `cli`, "+
		"`databricks_oauth`, `databricks_oidc` or `token`.", fwkit.Checked("Not a kind of login", auth.CheckAuthType))
	text("tenant_id", "Entra ID tenant (directory) to log in to: its UUID or one of its domains.",
		fwkit.Checked("Not an Entra ID tenant", auth.CheckTenantID))
	text("client_id", "Application (client) id to log in as, a UUID. With `use_msi`: that of a user-assigned identity.",
		fwkit.Checked("Not a client id", auth.CheckClientID))
	text("client_id_file_path", "File that holds the client id.")
	secret("client_certificate", "Client certificate with its private key: base64 of a PFX or PEM file, or PEM text.")
	text("client_certificate_path", "PFX, P12 or PEM file with the client certificate and its private key. The "+
		"content decides which it is. `~` is expanded.")
	secret("client_certificate_password", "Password of the PFX, or of an encrypted PKCS#8 key in PEM; absent or "+
		"empty if there is no password.")
	text("client_certificate_thumbprint", "SHA-1 or SHA-256 thumbprint that the loaded certificate must have, "+
		"hexadecimal; spaces and colons are ignored.", fwkit.Checked("Not a thumbprint", auth.CheckThumbprint))
	flag("client_certificate_send_chain", "Whether to send the certificate with its chain (`x5c`). An application "+
		"that trusts a subject name and issuer, instead of one certificate, requires it. Default: `false`.")
	secret("client_secret", "Client secret: its value, not its id.")
	text("client_secret_file_path", "File that holds the client secret.")
	attributes["key_vault"] = schema.SingleNestedAttribute{
		Optional:   true,
		Attributes: vault,
		MarkdownDescription: "Credential in Azure Key Vault, and the ids that belong to this credential. The " +
			"identity that `auth` names reads them once, at the first call. It needs the role Key Vault Secrets " +
			"User. `AZURE_*` variables belong to that identity, `ARM_*` to the one that logs in to Databricks.",
	}
	inVault("vault_uri", "The vault, as `https://NAME.vault.azure.net/`. Required, here or in the environment.",
		fwkit.Checked("Not a vault's address", auth.CheckVaultURI))
	inVault("auth", "Login that reads the vault: `cli`, `msi`, `oidc`, `environment` or `default`. Required, here or "+
		"in the environment.", fwkit.Checked("Not a login that can read Key Vault", auth.CheckKeyVaultAuth))
	inVault("auth_client_id", "Client id of the user-assigned managed identity, with `auth = \"msi\"`.",
		fwkit.Checked("Not the client id of a managed identity", auth.CheckClientID))
	inVault("certificate_name", "Name of the certificate, or of a secret that holds a PFX or PEM.", secretName)
	inVault("certificate_version", "Version of the certificate, 32 hexadecimal digits. Default: the newest "+
		"version of the certificate.")
	inVault("certificate_password_secret_name", "Name of the secret with the PFX password. Not needed for a "+
		"certificate object, which has none.", secretName)
	inVault("client_id_secret_name", "Name of the secret with the client id.", secretName)
	inVault("tenant_id_secret_name", "Name of the secret with the tenant id.", secretName)
	inVault("thumbprint_secret_name", "Name of the secret with the thumbprint that the certificate must have.",
		secretName)
	inVault("client_secret_name", "Name of the secret with a client secret, instead of a certificate.", secretName)
	flag("use_oidc", "Whether to log in by workload identity federation: GitHub Actions, Azure Pipelines, a token "+
		"file or a token. Default: `false`.")
	secret("oidc_token", "OIDC token of the other issuer.")
	text("oidc_token_file_path", "File that holds the OIDC token of the other issuer. The provider reads the file at "+
		"each login.")
	text("oidc_request_url", "Address of the pipeline's token service.",
		fwkit.Checked("Not a token request URL", auth.CheckOIDCRequestURL))
	secret("oidc_request_token", "Bearer token with which the pipeline's token service is called.")
	text("ado_pipeline_service_connection_id", "Id of the Azure Pipelines service connection to log in with.")
	flag("use_aks_workload_identity", "Whether to log in with the workload identity of an Azure Kubernetes Service "+
		"pod (`AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE`). Default: `false`.")
	flag("use_msi", "Whether to log in as a managed identity of this machine. Default: `false`.")
	flag("use_cli", "Whether to log in with the account of the Azure CLI. Default: `false`.")
	text("databricks_client_id", "Application id of the service principal that logs in at the workspace, by "+
		"Databricks OAuth.", fwkit.Checked("Not a client id of Databricks", auth.CheckClientID))
	secret("databricks_client_secret", "OAuth secret of `databricks_client_id`, created in Databricks; not a client "+
		"secret of Entra ID. Needs `host`. Key Vault is not available with it.")
	flag("use_databricks_oidc", "Whether to exchange a token of another issuer at the workspace. The `oidc_*` "+
		"attributes say where the token comes from; a federation policy of `databricks_client_id` must trust it. "+
		"Needs `host`. Default: `false`.")
	text("databricks_oidc_audience", "Audience of the other issuer's token, with `use_databricks_oidc`: one that the "+
		"federation policy accepts. A policy without audiences accepts the account id. Default: the workspace's token "+
		"endpoint.")
	secret("token", "A Databricks personal access token. It cannot create tokens for others.")
	text("environment", "Cloud: `public`, `usgovernment` or `china`. Default: the cloud of the host's domain.",
		fwkit.Checked("Not a cloud", auth.CheckEnvironment))
	text("authority_host", "Login host of a private cloud, `https`. Default: that of the cloud, such as "+
		"`https://login.microsoftonline.com`.", fwkit.Checked("Not a login host", auth.CheckAuthorityHost))
	text("resource_manager_endpoint", "Azure Resource Manager of a private cloud, `https`. Default: that of the "+
		"cloud, such as `https://management.azure.com`.",
		fwkit.Checked("Not a Resource Manager endpoint", auth.CheckResourceManagerEndpoint))
	flag("disable_instance_discovery", "Whether to trust the login host without asking login.microsoftonline.com "+
		"about it. A custom `authority_host` implies it. Default: `false`.")
	text("ca_certificate_path", "PEM file of certificate authorities to trust in addition to those of the system, "+
		"for private clouds and inspecting proxies.")
	number("http_timeout_seconds", "How long one attempt of a call may take, in seconds. Default: 60.")
	number("retry_timeout_seconds", "How long all attempts of one call may take together, in seconds. Default: 300.")
	number("rate_limit", "Maximum number of calls per second. Default: no fixed limit; the provider slows down when "+
		"the workspace reports too many requests.")
}

// described returns the description with the names of the attribute's environment variables appended.
func described(attribute, description string) string {
	names := make([]string, 0, 2)
	for _, name := range variables(attribute) {
		names = append(names, "`"+name+"`")
	}
	if len(names) == 0 {
		return description
	}
	return description + " Environment: " + strings.Join(names, ", ") + "."
}
