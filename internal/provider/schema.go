package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type providerModel struct {
	Host                        types.String `tfsdk:"host"`
	WorkspaceID                 types.String `tfsdk:"workspace_id"`
	TenantID                    types.String `tfsdk:"tenant_id"`
	ClientID                    types.String `tfsdk:"client_id"`
	ClientCertificate           types.String `tfsdk:"client_certificate"`
	ClientCertificatePath       types.String `tfsdk:"client_certificate_path"`
	ClientCertificatePassword   types.String `tfsdk:"client_certificate_password"`
	ClientCertificateThumbprint types.String `tfsdk:"client_certificate_thumbprint"`
	ClientCertificateSendChain  types.Bool   `tfsdk:"client_certificate_send_chain"`
	ClientSecret                types.String `tfsdk:"client_secret"`
	Token                       types.String `tfsdk:"token"`
	AuthorityHost               types.String `tfsdk:"authority_host"`
	DisableInstanceDiscovery    types.Bool   `tfsdk:"disable_instance_discovery"`
	CACertificatePath           types.String `tfsdk:"ca_certificate_path"`
	HTTPTimeoutSeconds          types.Int64  `tfsdk:"http_timeout_seconds"`
	RetryTimeoutSeconds         types.Int64  `tfsdk:"retry_timeout_seconds"`
	RateLimit                   types.Int64  `tfsdk:"rate_limit"`
}

func (p *dbxaccess) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	text := func(attribute, description string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Validators: validators, MarkdownDescription: described(attribute, description)}
	}
	secret := func(attribute, description string) schema.StringAttribute {
		a := text(attribute, description)
		a.Sensitive = true
		return a
	}
	number := func(attribute, description string) schema.Int64Attribute {
		return schema.Int64Attribute{
			Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)}, MarkdownDescription: described(attribute, description),
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Declares who may call an Azure Databricks model-serving endpoint: the workspace service principal, its permission on the endpoint, and the personal access token it owns.",
		Attributes: map[string]schema.Attribute{
			"host":         text("host", "The workspace, as `https://adb-….azuredatabricks.net` or the bare host; a path is dropped. `http` is accepted for a loopback address only.", fwkit.Checked("Not a workspace address", checkHost)),
			"workspace_id": text("workspace_id", "Id of the workspace, digits. Only a host that serves several workspaces needs it.", fwkit.Checked("Not a workspace id", checkWorkspaceID)),
			"tenant_id":    text("tenant_id", "Entra ID tenant (directory) to log in to: its UUID or one of its domains.", fwkit.Checked("Not an Entra ID tenant", auth.CheckTenantID)),
			"client_id":    text("client_id", "Application (client) id to log in as, a UUID.", fwkit.Checked("Not a client id", auth.CheckClientID)),
			"client_certificate": secret("client_certificate",
				"Client certificate with its private key: base64 of a PFX or PEM file, or PEM text."),
			"client_certificate_path": text("client_certificate_path",
				"PFX, P12 or PEM file with the client certificate and its private key, told apart by content; `~` is expanded."),
			"client_certificate_password": secret("client_certificate_password",
				"Password of the PFX, or of an encrypted PKCS#8 key in PEM; absent or empty when there is none."),
			"client_certificate_thumbprint": text("client_certificate_thumbprint",
				"SHA-1 or SHA-256 thumbprint that the loaded certificate must have, hexadecimal; spaces and colons are ignored.", fwkit.Checked("Not a thumbprint", auth.CheckThumbprint)),
			"client_certificate_send_chain": schema.BoolAttribute{
				Optional: true, MarkdownDescription: described("client_certificate_send_chain", "Whether to send the certificate with its chain (`x5c`), which an application needs that trusts a subject name and issuer instead of one certificate. Default: `false`."),
			},
			"client_secret": secret("client_secret", "Client secret: its value, not its id."),
			"token":         secret("token", "A Databricks token. It cannot make tokens for others."),
			"authority_host": text("authority_host",
				"Login host of a private cloud, `https`. Default: `https://login.microsoftonline.com`.", fwkit.Checked("Not a login host", auth.CheckAuthorityHost)),
			"disable_instance_discovery": schema.BoolAttribute{
				Optional: true, MarkdownDescription: described("disable_instance_discovery", "Whether to trust `authority_host` without asking login.microsoftonline.com about it. A custom `authority_host` implies it."),
			},
			"ca_certificate_path":   text("ca_certificate_path", "PEM file of certificate authorities to trust beside the system's: for private clouds and inspecting proxies."),
			"http_timeout_seconds":  number("http_timeout_seconds", "How long one attempt of a call may take, in seconds. Default: 60."),
			"retry_timeout_seconds": number("retry_timeout_seconds", "How long all attempts of one call may take, in seconds. Default: 300."),
			"rate_limit": number("rate_limit",
				"Most calls a second. Default: no fixed limit; the provider slows as a whole when the workspace answers that there are too many."),
		},
	}
}

// described adds the environment variables to a description.
func described(attribute, description string) string {
	names := make([]string, 0, 2)
	for _, name := range environment[attribute] {
		names = append(names, "`"+name+"`")
	}
	if len(names) == 0 {
		return description
	}
	return description + " Environment: " + strings.Join(names, ", ") + "."
}
