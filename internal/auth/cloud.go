package auth

import (
	"fmt"
	"net/url"
	"strings"
)

// cloud is one of Azure's separate clouds ("Azure Government endpoints" and
// "Azure China endpoints" in Microsoft's documentation, with "Azure Databricks
// resource endpoints" for the workspaces).
type cloud struct {
	// name is the value of environment, label the name in messages.
	name, label     string
	authority       string
	resourceManager string
	// management is the audience of Azure Resource Manager. Its slash is part of
	// the name, so that the scope has two: the Azure CLI and Azure PowerShell ask
	// for it in this form.
	management      string
	vaultDomain     string
	federation      string // what a federated token must have as its audience
	workspaceDomain string
}

var clouds = []cloud{{
	name: "public", label: "Azure public",
	authority:       "https://login.microsoftonline.com",
	resourceManager: "https://management.azure.com",
	management:      "https://management.core.windows.net/",
	vaultDomain:     ".vault.azure.net",
	federation:      "api://AzureADTokenExchange",
	workspaceDomain: ".azuredatabricks.net",
}, {
	name: "usgovernment", label: "Azure US Government",
	authority:       "https://login.microsoftonline.us",
	resourceManager: "https://management.usgovcloudapi.net",
	management:      "https://management.core.usgovcloudapi.net/",
	vaultDomain:     ".vault.usgovcloudapi.net",
	federation:      "api://AzureADTokenExchangeUSGov",
	workspaceDomain: ".databricks.azure.us",
}, {
	name: "china", label: "Azure China",
	authority:       "https://login.chinacloudapi.cn",
	resourceManager: "https://management.chinacloudapi.cn",
	management:      "https://management.core.chinacloudapi.cn/",
	vaultDomain:     ".vault.azure.cn",
	federation:      "api://AzureADTokenExchangeChina",
	workspaceDomain: ".databricks.azure.cn",
}}

// CheckEnvironment accepts the name of a cloud, in upper or lower case.
func CheckEnvironment(value string) error {
	if _, ok := cloudNamed(value); ok {
		return nil
	}
	return &Error{Summary: "Unknown environment", Detail: "The environment is public, usgovernment or china."}
}

func cloudNamed(name string) (cloud, bool) {
	for _, c := range clouds {
		if strings.EqualFold(c.name, strings.TrimSpace(name)) {
			return c, true
		}
	}
	return cloud{}, false
}

// cloudOf finds the cloud whose domain a host belongs to.
func cloudOf(host string, domain func(cloud) string) (cloud, bool) {
	host = strings.TrimSpace(host)
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return cloud{}, false
	}
	for _, c := range clouds {
		if strings.HasSuffix(strings.ToLower(u.Hostname()), domain(c)) {
			return c, true
		}
	}
	return cloud{}, false
}

// cloud returns the cloud that the settings name, else that of the workspace's host, else
// the public one, where the host belongs to none, such as that of a private link.
func (s Settings) cloud() (cloud, error) {
	ofHost, known := cloudOf(s.Host.Value, func(c cloud) string { return c.workspaceDomain })
	known = known && s.Host.IsSet()
	if !s.Environment.IsSet() {
		if known {
			return ofHost, nil
		}
		return clouds[0], nil
	}
	if err := CheckEnvironment(s.Environment.Value); err != nil {
		return cloud{}, at(err, s.Environment, "environment")
	}
	named, _ := cloudNamed(s.Environment.Value)
	if known && ofHost.name != named.name {
		return cloud{}, at(&Error{
			Summary: "Environment contradicts the workspace's address",
			Detail: fmt.Sprintf(
				"The environment is %s, but the workspace's address (%s) ends in %s and belongs to the %s cloud. "+
					"Set it to %q or leave it out: the provider finds the cloud by the address.",
				named.name,
				s.Host.Source(),
				ofHost.workspaceDomain,
				ofHost.label,
				ofHost.name,
			),
		}, s.Environment, "environment")
	}
	return named, nil
}

// CheckAuthorityHost accepts an https URL without a path, or a bare host.
func CheckAuthorityHost(value string) error {
	_, err := authorityBase(value, "")
	return err
}

// authorityBase is the host as a URL without a trailing slash.
func authorityBase(value, otherwise string) (string, error) {
	return baseURL(value, otherwise, baseWords{
		summary: "Invalid authority host", what: "login host", example: "https://login.example.com",
		path: "; the tenant is added from tenant_id",
	})
}

// CheckResourceManagerEndpoint accepts an https URL without a path, or a bare host.
func CheckResourceManagerEndpoint(value string) error {
	_, err := resourceManagerBase(value, "")
	return err
}

func resourceManagerBase(value, otherwise string) (string, error) {
	return baseURL(value, otherwise, baseWords{
		summary: "Invalid resource manager endpoint",
		what:    "address of Azure Resource Manager",
		example: "https://management.example.com",
	})
}

// baseWords are the parts of the error for a wrong address.
type baseWords struct{ summary, what, example, path string }

func baseURL(value, otherwise string, words baseWords) (string, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return otherwise, nil
	}
	if !strings.Contains(value, "://") {
		value = "https://" + value
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || !IsHostName(u.Hostname()):
		return "", &Error{Summary: words.summary, Detail: "The " + words.what + " is written as " + words.example + "."}
	case !strings.EqualFold(u.Scheme, "https"):
		return "", &Error{
			Summary: words.summary,
			Detail:  "The " + words.what + " must be https: credentials are sent to it.",
		}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", &Error{
			Summary: words.summary,
			Detail:  "Write the host alone, as " + words.example + words.path + ".",
		}
	}
	return "https://" + u.Host, nil
}
