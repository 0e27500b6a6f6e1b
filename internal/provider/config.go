package provider

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// environment names the variables that stand in for an attribute; the first that is set counts.
var environment = map[string][]string{
	"host":                          {"DBXACCESS_HOST", "DATABRICKS_HOST"},
	"workspace_id":                  {"DATABRICKS_WORKSPACE_ID"},
	"tenant_id":                     {"ARM_TENANT_ID"},
	"client_id":                     {"ARM_CLIENT_ID"},
	"client_certificate":            {"ARM_CLIENT_CERTIFICATE"},
	"client_certificate_path":       {"ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_FILE_PATH"},
	"client_certificate_password":   {"ARM_CLIENT_CERTIFICATE_PASSWORD"},
	"client_certificate_thumbprint": {"DBXACCESS_CLIENT_CERTIFICATE_THUMBPRINT"},
	"client_certificate_send_chain": {"DBXACCESS_CLIENT_CERTIFICATE_SEND_CHAIN"},
	"client_secret":                 {"ARM_CLIENT_SECRET"},
	"token":                         {"DATABRICKS_TOKEN"},
	"authority_host":                {"ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"},
	"disable_instance_discovery":    {"ARM_DISABLE_INSTANCE_DISCOVERY"},
	"ca_certificate_path":           {"DBXACCESS_CA_CERTIFICATE_PATH"},
	"http_timeout_seconds":          {"DBXACCESS_HTTP_TIMEOUT_SECONDS"},
	"retry_timeout_seconds":         {"DBXACCESS_RETRY_TIMEOUT_SECONDS"},
	"rate_limit":                    {"DATABRICKS_RATE_LIMIT"},
}

// config is the provider block after HCL was laid over the environment and that over the defaults.
type config struct {
	Host              string // https://host[:port], no path
	WorkspaceID       string
	Login             auth.Settings
	CACertificatePath auth.Setting
	HTTPTimeout       time.Duration
	RetryTimeout      time.Duration
	RateLimit         int // 0: no limit

	problems []error // what is wrong with values from the environment, which no validator has seen
}

// unknown names an attribute that waits for an apply, or is empty.
func (m providerModel) unknown() string {
	for _, a := range m.attributes() {
		if a.value.IsUnknown() {
			return a.name
		}
	}
	return ""
}

type namedValue struct {
	name  string
	value attr.Value
}

func (m providerModel) attributes() []namedValue {
	return []namedValue{
		{"host", m.Host}, {"workspace_id", m.WorkspaceID}, {"tenant_id", m.TenantID}, {"client_id", m.ClientID},
		{"client_certificate", m.ClientCertificate}, {"client_certificate_path", m.ClientCertificatePath},
		{"client_certificate_password", m.ClientCertificatePassword}, {"client_certificate_thumbprint", m.ClientCertificateThumbprint},
		{"client_certificate_send_chain", m.ClientCertificateSendChain}, {"client_secret", m.ClientSecret}, {"token", m.Token}, {"authority_host", m.AuthorityHost},
		{"disable_instance_discovery", m.DisableInstanceDiscovery}, {"ca_certificate_path", m.CACertificatePath},
		{"http_timeout_seconds", m.HTTPTimeoutSeconds}, {"retry_timeout_seconds", m.RetryTimeoutSeconds}, {"rate_limit", m.RateLimit},
	}
}

// conflict is two kinds of credential in one block, seen without the environment; nil when there is none.
func (m providerModel) conflict() error {
	var kinds []string
	if !m.ClientCertificate.IsNull() || !m.ClientCertificatePath.IsNull() {
		kinds = append(kinds, "client_certificate_path")
		if m.ClientCertificatePath.IsNull() {
			kinds[0] = "client_certificate"
		}
	}
	if !m.ClientSecret.IsNull() {
		kinds = append(kinds, "client_secret")
	}
	if !m.Token.IsNull() {
		kinds = append(kinds, "token")
	}
	if len(kinds) < 2 {
		return nil
	}
	return &auth.Error{Summary: "Conflicting Azure credentials", Detail: strings.Join(kinds, " and ") + " are both set in the provider block; keep one."}
}

// resolve lays HCL over the environment and that over the defaults. It is pure but for lookupEnv.
func (m providerModel) resolve(lookupEnv func(string) (string, bool)) config {
	var cfg config
	setting := func(attribute string, v types.String) auth.Setting {
		if v.ValueString() != "" {
			return auth.Setting{Value: v.ValueString(), Attribute: attribute}
		}
		for _, name := range environment[attribute] {
			if value, ok := lookupEnv(name); ok && value != "" {
				return auth.Setting{Value: value, Attribute: attribute, Env: name}
			}
		}
		return auth.Setting{Attribute: attribute}
	}
	checked := func(attribute string, v types.String, check func(string) error) string {
		s := setting(attribute, v)
		if s.IsSet() {
			if err := check(s.Value); err != nil {
				cfg.problems = append(cfg.problems, &auth.Error{Attribute: attribute, Summary: "Bad value for the provider", Detail: s.Source() + ": " + err.Error()})
			}
		}
		return s.Value
	}
	number := func(attribute string, v types.Int64) int64 {
		if !v.IsNull() {
			return v.ValueInt64()
		}
		text := checked(attribute, types.StringNull(), func(s string) error {
			if n, err := strconv.ParseInt(s, 10, 64); err != nil || n < 1 {
				return fmt.Errorf("%q is not a whole number of at least 1", s)
			}
			return nil
		})
		n, _ := strconv.ParseInt(text, 10, 64) // what does not parse is a problem noted above
		return n
	}
	flag := func(attribute string, v types.Bool) bool {
		if !v.IsNull() {
			return v.ValueBool()
		}
		text := checked(attribute, types.StringNull(), func(s string) error {
			if _, err := strconv.ParseBool(s); err != nil {
				return fmt.Errorf("%q is neither true nor false", s)
			}
			return nil
		})
		b, _ := strconv.ParseBool(text)
		return b
	}
	seconds := func(attribute string, v types.Int64, otherwise time.Duration) time.Duration {
		if n := number(attribute, v); n > 0 {
			return time.Duration(n) * time.Second
		}
		return otherwise
	}

	if host := checked("host", m.Host, checkHost); host != "" {
		cfg.Host = normalHost(host)
	} else {
		cfg.problems = append(cfg.problems, &auth.Error{Attribute: "host", Summary: "Missing workspace address",
			Detail: "Write host in the provider block, or set " + strings.Join(environment["host"], " or ") + ", to the workspace's address such as https://adb-1234567890123456.7.azuredatabricks.net."})
	}
	cfg.WorkspaceID = checked("workspace_id", m.WorkspaceID, checkWorkspaceID)
	cfg.CACertificatePath = setting("ca_certificate_path", m.CACertificatePath)
	cfg.HTTPTimeout = seconds("http_timeout_seconds", m.HTTPTimeoutSeconds, defaultHTTPTimeout)
	cfg.RetryTimeout = seconds("retry_timeout_seconds", m.RetryTimeoutSeconds, defaultRetryTimeout)
	cfg.RateLimit = int(number("rate_limit", m.RateLimit))
	cfg.Login = auth.Settings{
		TenantID:                 setting("tenant_id", m.TenantID),
		ClientID:                 setting("client_id", m.ClientID),
		Certificate:              setting("client_certificate", m.ClientCertificate),
		CertificatePath:          setting("client_certificate_path", m.ClientCertificatePath),
		CertificatePassword:      setting("client_certificate_password", m.ClientCertificatePassword),
		CertificateThumbprint:    setting("client_certificate_thumbprint", m.ClientCertificateThumbprint),
		ClientSecret:             setting("client_secret", m.ClientSecret),
		Token:                    setting("token", m.Token),
		AuthorityHost:            setting("authority_host", m.AuthorityHost),
		SendChain:                flag("client_certificate_send_chain", m.ClientCertificateSendChain),
		DisableInstanceDiscovery: flag("disable_instance_discovery", m.DisableInstanceDiscovery),
	}
	return cfg
}

// another gives the settings of somebody else's login the tenant and the authority that the provider uses.
func (c config) another(s auth.Settings) auth.Settings {
	if !s.TenantID.IsSet() {
		s.TenantID = auth.Setting{Value: c.Login.TenantID.Value, Attribute: s.TenantID.Attribute, Env: c.Login.TenantID.Env}
	}
	s.AuthorityHost = c.Login.AuthorityHost
	s.DisableInstanceDiscovery = c.Login.DisableInstanceDiscovery
	return s
}

func normalHost(host string) string {
	host = strings.TrimSpace(host)
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return host // checkHost has told it
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

func checkHost(host string) error {
	if strings.TrimSpace(host) == "" {
		return fmt.Errorf("it is empty; write the workspace's address, such as https://adb-1234567890123456.7.azuredatabricks.net")
	}
	u, err := url.Parse(normalHost(host))
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%q is not an address; write it such as https://adb-1234567890123456.7.azuredatabricks.net", host)
	}
	ip, notIP := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || notIP == nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return fmt.Errorf("%q would send tokens unencrypted; use https", host)
	}
	if strings.HasPrefix(u.Hostname(), "accounts.") {
		return fmt.Errorf("%q is the account console; write the address of the workspace", host)
	}
	return nil
}

func checkWorkspaceID(id string) error {
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return fmt.Errorf("%q is not a workspace id: it has digits only, as after adb- in the workspace's address", id)
	}
	return nil
}
