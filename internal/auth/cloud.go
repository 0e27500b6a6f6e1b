package auth

import (
	"fmt"
	"net/url"
	"strings"
)

// cloud is one of the separate clouds of Azure. The addresses are from "Azure Government endpoints" and "Azure China
// endpoints" in Microsoft's documentation, and those of the workspaces from "Azure Databricks resource endpoints".
type cloud struct {
	// name is the value of the setting environment. label is the name of the cloud in messages.
	name, label     string
	authority       string
	resourceManager string
	// management is the audience of tokens for Azure Resource Manager. The slash at its end is part of the audience, so
	// the scope has two slashes. The Azure CLI and Azure PowerShell request tokens in this form.
	management      string
	vaultDomain     string
	federation      string // the audience that a federated token must have
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

// CheckEnvironment returns an error unless value is the name of a cloud, in upper or lower case.
func CheckEnvironment(value string) error {
	if _, ok := cloudNamed(value); ok {
		return nil
	}
	return &Error{Summary: "Unknown environment", Detail: "environment must be public, usgovernment or china."}
}

func cloudNamed(name string) (cloud, bool) {
	for _, c := range clouds {
		if strings.EqualFold(c.name, strings.TrimSpace(name)) {
			return c, true
		}
	}
	return cloud{}, false
}

// cloudOf returns the cloud whose domain host belongs to, and false if there is none. domain returns the domain to
// compare, such as the domain of the vaults of a cloud.
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

// cloud returns the cloud that the setting environment names. Without this setting, it returns the cloud of the
// workspace's host. If the host belongs to no known cloud, such as the host of a private link, it returns the public
// cloud. It returns an error if environment and host contradict each other.
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
		return cloud{}, atSetting(err, s.Environment, "environment")
	}
	named, _ := cloudNamed(s.Environment.Value)
	if known && ofHost.name != named.name {
		return cloud{}, atSetting(&Error{
			Summary: "Environment contradicts the workspace's address",
			Detail: fmt.Sprintf("The environment is %s, but the workspace's address (%s) ends in %s and belongs to "+
				"the %s cloud. Set environment to %q, or remove it: the provider then finds the cloud by the address.",
				named.name, s.Host.Source(), ofHost.workspaceDomain, ofHost.label, ofHost.name),
		}, s.Environment, "environment")
	}
	return named, nil
}

// CheckAuthorityHost returns an error unless value is an https URL without a path, or a host name alone.
func CheckAuthorityHost(value string) error {
	_, err := authorityBase(value, "")
	return err
}

// authorityBase returns the login host value as an https URL without a slash at its end, or otherwise if value is
// empty.
func authorityBase(value, otherwise string) (string, error) {
	return baseURL(value, otherwise, baseWords{
		summary: "Invalid authority host", what: "login host", example: "https://login.example.com",
		path: "; the provider adds the tenant from tenant_id",
	})
}

// CheckResourceManagerEndpoint returns an error unless value is an https URL without a path, or a host name alone.
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

// baseWords are the parts of the error message for an invalid address.
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
