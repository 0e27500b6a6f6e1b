package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// environment maps each attribute of the provider block to the environment variables that can replace it. The first
// variable that is set and not empty counts.
var environment = map[string][]string{
	"host":                          {"DBXACCESS_HOST", "DATABRICKS_HOST"},
	"azure_workspace_resource_id":   {"DATABRICKS_AZURE_RESOURCE_ID"},
	"workspace_id":                  {"DATABRICKS_WORKSPACE_ID"},
	"auth_type":                     {"DBXACCESS_AUTH_TYPE"},
	"tenant_id":                     {"ARM_TENANT_ID"},
	"client_id":                     {"ARM_CLIENT_ID"},
	"client_id_file_path":           {"ARM_CLIENT_ID_FILE_PATH"},
	"client_certificate":            {"ARM_CLIENT_CERTIFICATE"},
	"client_certificate_path":       {"ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_FILE_PATH"},
	"client_certificate_password":   {"ARM_CLIENT_CERTIFICATE_PASSWORD"},
	"client_certificate_thumbprint": {"DBXACCESS_CLIENT_CERTIFICATE_THUMBPRINT"},
	"client_certificate_send_chain": {"DBXACCESS_CLIENT_CERTIFICATE_SEND_CHAIN"},
	"client_secret":                 {"ARM_CLIENT_SECRET"},
	"client_secret_file_path":       {"ARM_CLIENT_SECRET_FILE_PATH"},
	"use_oidc":                      {"ARM_USE_OIDC"},
	"oidc_token":                    {"ARM_OIDC_TOKEN"},
	"oidc_token_file_path":          {"ARM_OIDC_TOKEN_FILE_PATH"},
	"oidc_request_url": {
		"ARM_OIDC_REQUEST_URL",
		"ACTIONS_ID_TOKEN_REQUEST_URL",
		"SYSTEM_OIDCREQUESTURI",
	},
	"oidc_request_token": {
		"ARM_OIDC_REQUEST_TOKEN",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN",
		"SYSTEM_ACCESSTOKEN",
	},
	"ado_pipeline_service_connection_id": {
		"ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID",
		"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
	},
	"use_aks_workload_identity":  {"ARM_USE_AKS_WORKLOAD_IDENTITY"},
	"use_msi":                    {"ARM_USE_MSI"},
	"use_cli":                    {"ARM_USE_CLI"},
	"databricks_client_id":       {"DATABRICKS_CLIENT_ID"},
	"databricks_client_secret":   {"DATABRICKS_CLIENT_SECRET"},
	"use_databricks_oidc":        {"DBXACCESS_USE_DATABRICKS_OIDC"},
	"databricks_oidc_audience":   {"DATABRICKS_TOKEN_AUDIENCE"},
	"token":                      {"DATABRICKS_TOKEN"},
	"environment":                {"ARM_ENVIRONMENT"},
	"authority_host":             {"ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"},
	"resource_manager_endpoint":  {"ARM_RESOURCE_MANAGER_ENDPOINT"},
	"disable_instance_discovery": {"ARM_DISABLE_INSTANCE_DISCOVERY"},
	"ca_certificate_path":        {"DBXACCESS_CA_CERTIFICATE_PATH"},
	"http_timeout_seconds":       {"DBXACCESS_HTTP_TIMEOUT_SECONDS"},
	"retry_timeout_seconds":      {"DBXACCESS_RETRY_TIMEOUT_SECONDS"},
	"rate_limit":                 {"DATABRICKS_RATE_LIMIT"},
}

// variables returns the names of the environment variables that can replace an attribute of the provider block. For an
// attribute of key_vault that is its name in capitals after DBXACCESS_KEY_VAULT_.
func variables(attribute string) []string {
	if rest, found := strings.CutPrefix(attribute, "key_vault."); found {
		return []string{"DBXACCESS_KEY_VAULT_" + strings.ToUpper(rest)}
	}
	return environment[attribute]
}

// config holds the final values of the provider block: an attribute overrides an environment variable, which overrides
// the default.
type config struct {
	Host              string // https://host[:port] without a path; empty if the provider finds it by ResourceID
	ResourceID        string
	AdminLogin        bool
	WorkspaceID       string
	Login             auth.Settings
	CACertificatePath auth.Setting
	HTTPTimeout       time.Duration
	RetryTimeout      time.Duration
	RateLimit         int // 0: no limit

	problems []error // wrong values, including those from the environment, which no validator of the schema sees
}

// block holds the attributes of the provider block by name. The name of an attribute of key_vault begins with
// "key_vault.".
type block map[string]attr.Value

func decode(ctx context.Context, from tfsdk.Config, diags *diag.Diagnostics) (block, bool) {
	var object types.Object
	diags.Append(from.Get(ctx, &object)...)
	b := block(object.Attributes())
	if vault, ok := b["key_vault"].(types.Object); ok {
		for name, v := range vault.Attributes() {
			b["key_vault."+name] = v
		}
	}
	return b, !diags.HasError()
}

// unknown returns the alphabetically first attribute whose value is known only after an apply; empty if all values are
// known.
func (b block) unknown() string {
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if b[name].IsUnknown() {
			return name
		}
	}
	return ""
}

// conflict returns an error if the provider block alone, without the environment, holds two kinds of credential.
func (b block) conflict() error {
	noEnvironment := func(string) (string, bool) { return "", false }
	if _, err := b.resolve(noEnvironment).Login.Choose(); errors.Is(err, auth.ErrConflict) {
		return err
	}
	return nil
}

// resolve returns the final values of the provider block: an attribute overrides an environment variable, which
// overrides the default. It reads nothing but the environment, through lookupEnv.
func (b block) resolve(lookupEnv func(string) (string, bool)) config {
	var cfg config
	setting := func(attribute string) auth.Setting {
		switch v := b[attribute].(type) {
		case types.String:
			if v.ValueString() != "" {
				return auth.Setting{Value: v.ValueString(), Attribute: attribute}
			}
		case types.Bool:
			if !v.IsNull() {
				return auth.Setting{Value: strconv.FormatBool(v.ValueBool()), Attribute: attribute}
			}
		case types.Int64:
			if !v.IsNull() {
				return auth.Setting{Value: strconv.FormatInt(v.ValueInt64(), 10), Attribute: attribute}
			}
		}
		for _, name := range variables(attribute) {
			if value, ok := lookupEnv(name); ok && value != "" {
				return auth.Setting{Value: value, Attribute: attribute, Env: name}
			}
		}
		return auth.Setting{Attribute: attribute}
	}
	refuse := func(e auth.Error) { cfg.problems = append(cfg.problems, &e) }
	checked := func(attribute string, check func(string) error) string {
		s := setting(attribute)
		if s.IsSet() {
			if err := check(s.Value); err != nil {
				refuse(auth.Error{Attribute: attribute, Summary: "Bad value for the provider",
					Detail: s.Source() + ": " + err.Error()})
			}
		}
		return s.Value
	}
	number := func(attribute string) int64 {
		n, _ := strconv.ParseInt(checked(attribute, checkNumber), 10, 64) // checked reports a value that does not parse
		return n
	}
	flag := func(attribute string) bool {
		b, _ := strconv.ParseBool(checked(attribute, checkFlag))
		return b
	}
	seconds := func(attribute string, otherwise time.Duration) time.Duration {
		if n := number(attribute); n > 0 {
			return time.Duration(n) * time.Second
		}
		return otherwise
	}

	cfg.ResourceID = checked("azure_workspace_resource_id", checkResourceID)
	cfg.AdminLogin = flag("azure_workspace_admin_login")
	if cfg.AdminLogin && cfg.ResourceID == "" {
		refuse(auth.Error{Attribute: "azure_workspace_admin_login", Summary: "Admin login without a resource id",
			Detail: "With azure_workspace_admin_login, each request names the Azure resource of the workspace. Set " +
				"azure_workspace_resource_id too."})
	}
	if host := checked("host", checkHost); host != "" {
		cfg.Host = normalHost(host)
	} else if cfg.ResourceID == "" {
		refuse(auth.Error{Attribute: "host", Summary: "Missing workspace address",
			Detail: "The provider does not have the address of a workspace. Write host in the provider block, or " +
				"set " + strings.Join(environment["host"], " or ") + ", to " +
				"the workspace's address such as https://adb-1234567890123456.7.azuredatabricks.net. Or set " +
				"azure_workspace_resource_id, with which the provider looks up the address."})
	}
	cfg.WorkspaceID = checked("workspace_id", checkWorkspaceID)
	inHost, inName := workspaceOfHost(setting("host").Value)
	if id := cmp.Or(inHost, inName); id != "" && cfg.WorkspaceID != "" && id != cfg.WorkspaceID &&
		len(cfg.problems) == 0 {
		refuse(auth.Error{Attribute: "workspace_id", Summary: "Host and workspace_id name two workspaces",
			Detail: fmt.Sprintf("%s names workspace %s, but %s names workspace %s. Correct one of them, or remove "+
				"workspace_id.",
				setting("host").Source(), id, setting("workspace_id").Source(), cfg.WorkspaceID)})
	}
	cfg.WorkspaceID = cmp.Or(cfg.WorkspaceID, inHost)
	cfg.CACertificatePath = setting("ca_certificate_path")
	cfg.HTTPTimeout = seconds("http_timeout_seconds", defaultHTTPTimeout)
	cfg.RetryTimeout = seconds("retry_timeout_seconds", defaultRetryTimeout)
	cfg.RateLimit = int(number("rate_limit"))
	cfg.Login = auth.Settings{
		AuthType:                 setting("auth_type"),
		TenantID:                 setting("tenant_id"),
		ClientID:                 setting("client_id"),
		ClientIDFilePath:         setting("client_id_file_path"),
		Certificate:              setting("client_certificate"),
		CertificatePath:          setting("client_certificate_path"),
		CertificatePassword:      setting("client_certificate_password"),
		CertificateThumbprint:    setting("client_certificate_thumbprint"),
		ClientSecret:             setting("client_secret"),
		ClientSecretFilePath:     setting("client_secret_file_path"),
		KeyVault:                 keyVault(setting),
		UseOIDC:                  setting("use_oidc"),
		UseAKSWorkloadIdentity:   setting("use_aks_workload_identity"),
		OIDCToken:                setting("oidc_token"),
		OIDCTokenFilePath:        setting("oidc_token_file_path"),
		OIDCRequestURL:           setting("oidc_request_url"),
		OIDCRequestToken:         setting("oidc_request_token"),
		ADOServiceConnectionID:   setting("ado_pipeline_service_connection_id"),
		UseMSI:                   setting("use_msi"),
		UseCLI:                   setting("use_cli"),
		DatabricksClientID:       setting("databricks_client_id"),
		DatabricksClientSecret:   setting("databricks_client_secret"),
		UseDatabricksOIDC:        setting("use_databricks_oidc"),
		DatabricksOIDCAudience:   setting("databricks_oidc_audience"),
		Token:                    setting("token"),
		Environment:              setting("environment"),
		Host:                     setting("host"),
		AuthorityHost:            setting("authority_host"),
		ResourceManagerEndpoint:  setting("resource_manager_endpoint"),
		SendChain:                flag("client_certificate_send_chain"),
		DisableInstanceDiscovery: flag("disable_instance_discovery"),
	}
	return cfg
}

// keyVault returns the settings of the block key_vault. It returns nil if neither the block nor the environment names a
// vault or a value to read from it; the name of a password alone does not count.
func keyVault(setting func(string) auth.Setting) *auth.KeyVaultSettings {
	in := func(attribute string) auth.Setting { return setting("key_vault." + attribute) }
	k := auth.KeyVaultSettings{
		VaultURI:                      in("vault_uri"),
		Auth:                          in("auth"),
		AuthClientID:                  in("auth_client_id"),
		CertificateName:               in("certificate_name"),
		CertificateVersion:            in("certificate_version"),
		CertificatePasswordSecretName: in("certificate_password_secret_name"),
		ClientIDSecretName:            in("client_id_secret_name"),
		TenantIDSecretName:            in("tenant_id_secret_name"),
		ThumbprintSecretName:          in("thumbprint_secret_name"),
		ClientSecretName:              in("client_secret_name"),
	}
	named := []auth.Setting{k.VaultURI, k.CertificateName, k.ClientSecretName, k.ClientIDSecretName,
		k.TenantIDSecretName, k.ThumbprintSecretName}
	if slices.ContainsFunc(named, auth.Setting.IsSet) {
		return &k
	}
	return nil
}

// The check functions below do not quote the value in their errors: somebody may have pasted a secret into the wrong
// attribute or variable.

func checkNumber(s string) error {
	if n, err := strconv.ParseInt(s, 10, 64); err != nil || n < 1 {
		return errors.New("it must be a whole number of at least 1")
	}
	return nil
}

func checkFlag(s string) error {
	if _, err := strconv.ParseBool(s); err != nil {
		return errors.New("it is neither true nor false")
	}
	return nil
}

// completeLogin adds to the settings of another login, such as that of a token's owner, what this login shares with the
// provider's own: tenant, authority and, with use_oidc, the source of OIDC tokens.
func (c config) completeLogin(s auth.Settings) auth.Settings {
	if !s.TenantID.IsSet() {
		s.TenantID = auth.Setting{
			Value:     c.Login.TenantID.Value,
			Attribute: s.TenantID.Attribute,
			Env:       c.Login.TenantID.Env,
		}
	}
	s.Environment, s.Host = c.Login.Environment, c.Login.Host
	s.AuthorityHost, s.ResourceManagerEndpoint = c.Login.AuthorityHost, c.Login.ResourceManagerEndpoint
	s.DisableInstanceDiscovery = c.Login.DisableInstanceDiscovery
	if s.UseOIDC.IsSet() {
		// The source of OIDC tokens depends on the machine, not on who logs in.
		s.OIDCToken, s.OIDCTokenFilePath = c.Login.OIDCToken, c.Login.OIDCTokenFilePath
		s.OIDCRequestURL, s.OIDCRequestToken = c.Login.OIDCRequestURL, c.Login.OIDCRequestToken
		s.ADOServiceConnectionID, s.UseAKSWorkloadIdentity = c.Login.ADOServiceConnectionID, c.Login.UseAKSWorkloadIdentity
	}
	return s
}

func withScheme(host string) string {
	host = strings.TrimSpace(host)
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	return host
}

func normalHost(host string) string {
	host = withScheme(host)
	u, err := url.Parse(host)
	if err != nil {
		return host // checkHost has reported the parse error
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// workspaceOfHost returns the two workspace ids that a host may contain: the one after ?o=, as in a browser's address
// bar, and the one in the host's name. Each is empty if the host does not contain it.
func workspaceOfHost(host string) (asked, named string) {
	u, err := url.Parse(withScheme(host))
	if err != nil {
		return "", "" // checkHost has reported the parse error
	}
	return u.Query().Get("o"), client.WorkspaceOfHost(u.Hostname())
}

func checkHost(host string) error {
	if strings.TrimSpace(host) == "" {
		return errors.New(
			"it is empty; write the workspace's address, such as https://adb-1234567890123456.7.azuredatabricks.net")
	}
	u, err := url.Parse(withScheme(host))
	if err != nil || !auth.IsHostName(u.Hostname()) || u.User != nil {
		return errors.New(
			"it is not the address of a workspace; such an address is " +
				"https://adb-1234567890123456.7.azuredatabricks.net")
	}
	ip, notIP := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || notIP == nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return errors.New("it begins with http, so tokens would be sent unencrypted; use https")
	}
	name := strings.ToLower(u.Hostname())
	if strings.HasPrefix(name, "accounts.") {
		return errors.New("it is the address of the account console; write the address of the workspace")
	}
	if strings.Contains(name, ".azuredatabricks.") && !strings.HasSuffix(name, ".azuredatabricks.net") {
		return fmt.Errorf("the workspaces of Azure Databricks are in the domain azuredatabricks.net, and %s is not",
			name)
	}
	if asked, named := workspaceOfHost(host); asked != "" {
		if err := checkWorkspaceID(asked); err != nil {
			return fmt.Errorf("the value after ?o= must be the id of the workspace: %w", err)
		}
		if named != "" && named != asked {
			return fmt.Errorf("%s is the address of workspace %s, but ?o= names workspace %s",
				u.Hostname(), named, asked)
		}
	}
	return nil
}

// resourceID returns the pattern of a workspace's Azure resource id. It is compiled at its first use, because most
// configurations have no such id.
var resourceID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[\pL\pN_().-]+/providers/Microsoft\.Databricks/workspaces/[\pL\pN_.-]+$`,
	)
})

func checkResourceID(id string) error {
	// The id becomes the path of a request: with "..", "?" or "#" in it, the request would be for something else.
	steps := strings.Contains(id+"/", "/./") || strings.Contains(id+"/", "/../")
	if !resourceID().MatchString(id) || steps {
		return errors.New("it is not the id of a workspace in Azure Resource Manager, such as " +
			"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Databricks/workspaces/name; " +
			"the resource azurerm_databricks_workspace has it in its attribute id")
	}
	return nil
}

func checkWorkspaceID(id string) error {
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return errors.New("it is not the id of a workspace, which has digits only, such as those after adb- in the " +
			"workspace's address")
	}
	return nil
}
