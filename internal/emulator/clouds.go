package emulator

import (
	"net"
	"slices"
	"strings"
)

// A cloud is one of the isolated instances of Azure, each with names of its own
// for the same services: "National clouds" of the Microsoft identity platform for
// the logins, "Azure Government" and "Azure China" developer guides for the rest.
type cloud struct {
	name string
	// logins are the authority's names, the one its own metadata prefers first.
	logins []string
	// armHost is Azure Resource Manager; management are the audiences it takes.
	armHost    string
	management []string
	// vaultSuffix and workspaceSuffix end the host names of vaults and workspaces.
	vaultSuffix     string
	workspaceSuffix string
}

// Names for [TenantOptions].
const (
	PublicCloud       = "public"
	USGovernmentCloud = "usgovernment"
	ChinaCloud        = "china"
)

var clouds = []*cloud{
	{
		name:            PublicCloud,
		logins:          []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		armHost:         "management.azure.com",
		management:      managementAudiences("management.core.windows.net", "management.azure.com"),
		vaultSuffix:     ".vault.azure.net",
		workspaceSuffix: ".azuredatabricks.net",
	},
	{
		name:            USGovernmentCloud,
		logins:          []string{"login.microsoftonline.us", "login.usgovcloudapi.net"},
		armHost:         "management.usgovcloudapi.net",
		management:      managementAudiences("management.core.usgovcloudapi.net", "management.usgovcloudapi.net"),
		vaultSuffix:     ".vault.usgovcloudapi.net",
		workspaceSuffix: ".databricks.azure.us",
	},
	{
		name:            ChinaCloud,
		logins:          []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"},
		armHost:         "management.chinacloudapi.cn",
		management:      managementAudiences("management.core.chinacloudapi.cn", "management.chinacloudapi.cn"),
		vaultSuffix:     ".vault.azure.cn",
		workspaceSuffix: ".databricks.azure.cn",
	},
}

// managementAudiences are the names of Azure Resource Manager, each with and
// without the slash that the identifier itself ends in.
func managementAudiences(hosts ...string) []string {
	var audiences []string
	for _, host := range hosts {
		audiences = append(audiences, "https://"+host+"/", "https://"+host)
	}
	return audiences
}

// vaultResource is the audience of a vault's tokens.
func (c *cloud) vaultResource() string { return "https://" + strings.TrimPrefix(c.vaultSuffix, ".") }

func (c *cloud) knows(resource string) bool {
	return resource == DatabricksResource || resource == c.vaultResource() || slices.Contains(c.management, resource)
}

// hostName is a request's host without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// cloudsOf are the clouds that a service may belong to by the name it is called:
// one for a public name, and all of them for an address on this machine, whose
// caller may have been told any cloud's audiences.
func cloudsOf(host string) []*cloud {
	host = hostName(host)
	for _, c := range clouds {
		if slices.Contains(c.logins, host) || host == c.armHost ||
			strings.HasSuffix(host, c.vaultSuffix) || strings.HasSuffix(host, c.workspaceSuffix) {
			return []*cloud{c}
		}
	}
	return clouds
}

func isLogin(host string) bool {
	host = hostName(host)
	return slices.ContainsFunc(clouds, func(c *cloud) bool { return slices.Contains(c.logins, host) })
}

// knownResource reports whether a resource has a service principal where host is.
func knownResource(host, resource string) bool {
	return slices.ContainsFunc(cloudsOf(host), func(c *cloud) bool { return c.knows(resource) })
}

// isManagementAudience reports whether a token is for Azure Resource Manager where
// host is.
func isManagementAudience(host, audience string) bool {
	return slices.ContainsFunc(cloudsOf(host), func(c *cloud) bool { return slices.Contains(c.management, audience) })
}

func cloudNamed(name string) *cloud {
	for _, c := range clouds {
		if c.name == name {
			return c
		}
	}
	return nil
}

// at reports whether the tenant is found where host is.
func (t *Tenant) at(host string) bool {
	return t.cloud == nil || slices.Contains(cloudsOf(host), t.cloud)
}
