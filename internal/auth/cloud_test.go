package auth

import "testing"

func TestCloud(t *testing.T) {
	t.Parallel()
	at := func(host, environment string) Settings {
		s := with(application(), hclSecret)
		s.Host, s.Environment = hcl("host", host), hcl("environment", environment)
		return s
	}
	for name, test := range map[string]struct {
		settings                                             Settings
		cloud, authority, manager, management, vault, tokens string
	}{
		"default":         {at("", ""), "public", "https://login.microsoftonline.com/", "https://management.azure.com", "https://management.core.windows.net//.default", "https://vault.azure.net/.default", "api://AzureADTokenExchange"},
		"host":            {at("https://adb-1.2.azuredatabricks.net", ""), "public", "https://login.microsoftonline.com/", "https://management.azure.com", "https://management.core.windows.net//.default", "https://vault.azure.net/.default", "api://AzureADTokenExchange"},
		"government host": {at("adb-1.2.databricks.azure.us", ""), "usgovernment", "https://login.microsoftonline.us/", "https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net//.default", "https://vault.usgovcloudapi.net/.default", "api://AzureADTokenExchangeUSGov"},
		"China":           {at("https://dbx.private.example", "China"), "china", "https://login.chinacloudapi.cn/", "https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn//.default", "https://vault.azure.cn/.default", "api://AzureADTokenExchangeChina"},
		"they agree":      {at("https://ADB-1.2.Databricks.Azure.CN", "china"), "china", "https://login.chinacloudapi.cn/", "https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn//.default", "https://vault.azure.cn/.default", "api://AzureADTokenExchangeChina"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := Open(test.settings, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if l.Cloud != test.cloud || l.Identity().Authority != test.authority+testTenant ||
				l.ResourceManager != test.manager || l.ManagementScope() != test.management ||
				l.KeyVaultScope() != test.vault {
				t.Errorf("%s %s %s %s %s", l.Cloud, l.Identity().Authority, l.ResourceManager, l.ManagementScope(),
					l.KeyVaultScope())
			}
			if l.cloud.federation != test.tokens {
				t.Errorf("audience %s", l.cloud.federation)
			}
		})
	}
	s := at("https://adb-1.2.azuredatabricks.net", "")
	s.Environment = env("environment", "ARM_ENVIRONMENT", "usgovernment")
	_, err := Open(s, Options{})
	e := wantError(t, err, "Environment contradicts the workspace's address", "usgovernment", "azuredatabricks.net",
		"ARM_ENVIRONMENT in the environment")
	if e.Attribute != "environment" {
		t.Errorf("attribute is %q", e.Attribute)
	}

	s = at("", "")
	s.AuthorityHost, s.ResourceManagerEndpoint = hcl("authority_host",
		"https://login.private.example"), hcl("resource_manager_endpoint", "management.private.example/")
	l, err := Open(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if l.ResourceManager != "https://management.private.example" ||
		l.Identity().Authority != "https://login.private.example/"+testTenant {
		t.Errorf("%s, %s", l.ResourceManager, l.Identity().Authority)
	}
	// The vaults of a private cloud are in a domain of their own.
	s.ClientSecret = Setting{}
	vaultOf("default")(&s)
	s.KeyVault.VaultURI.Value = "https://kv-ml.vault.private.example"
	if _, err := s.Choose(); err != nil {
		t.Error(err)
	}
}
