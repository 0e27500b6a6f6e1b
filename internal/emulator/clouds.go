package emulator

import (
	"net"
	"slices"
	"strings"
)

// A cloud is one of the isolated instances of Azure, such as Azure China. Each has its own host names for the same
// services. The names of the logins come from "National clouds" of the Microsoft identity platform; the other names
// come from the developer guides "Azure Government" and "Azure China".
type cloud struct {
	name string
	// logins are the host names of Entra ID in this cloud. The first is the name that Entra ID's own metadata prefers.
	logins []string
	// armHost is the host name of Azure Resource Manager; management are the token audiences that it accepts.
	armHost    string
	management []string
	// Host names of vaults end in vaultSuffix; host names of workspaces end in workspaceSuffix.
	vaultSuffix     string
	workspaceSuffix string
}

// The names of the clouds, for the field Cloud of [TenantOptions].
const (
	PublicCloud       = "public"
	USGovernmentCloud = "usgovernment"
	ChinaCloud        = "china"
)

var clouds = []*cloud{
	{
		name: PublicCloud,
		logins: []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com",
			"sts.windows.net"},
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

// managementAudiences returns the token audiences of Azure Resource Manager with these host names: the https address of
// each host, with a final slash as in the official identifier, and without it.
func managementAudiences(hosts ...string) []string {
	var audiences []string
	for _, host := range hosts {
		audiences = append(audiences, "https://"+host+"/", "https://"+host)
	}
	return audiences
}

// vaultResource returns the audience of access tokens for Key Vault in this cloud.
func (c *cloud) vaultResource() string { return "https://" + strings.TrimPrefix(c.vaultSuffix, ".") }

func (c *cloud) knows(resource string) bool {
	return resource == DatabricksResource || resource == c.vaultResource() || slices.Contains(c.management, resource)
}

// hostName returns a request's host in lower case, without its port and without the brackets of an IPv6 address.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// cloudsOf returns the clouds that a service with this host name may belong to. A public name belongs to one cloud. An
// address on this machine may belong to any cloud, because a test may use it with the audiences of any cloud.
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

// knownResource reports whether tokens for the resource can be issued in a cloud that the host may belong to, according
// to [cloudsOf].
func knownResource(host, resource string) bool {
	return slices.ContainsFunc(cloudsOf(host), func(c *cloud) bool { return c.knows(resource) })
}

// isManagementAudience reports whether the audience is that of Azure Resource Manager in a cloud that the host may
// belong to, according to [cloudsOf].
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

// at reports whether the tenant exists in a cloud that the host may belong to, according to [cloudsOf].
func (t *Tenant) at(host string) bool {
	return t.cloud == nil || slices.Contains(cloudsOf(host), t.cloud)
}
