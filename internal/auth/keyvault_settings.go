package auth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// vaultAuths are the values of the setting auth. Each value names an identity that can read the vault.
var vaultAuths = []string{"cli", "msi", "oidc", "environment", "default"}

var (
	secretName      = pattern(`^[0-9A-Za-z-]{1,127}$`)
	versionName     = pattern(`^[0-9a-fA-F]{32}$`)
	vaultCharacters = pattern(`^[0-9A-Za-z-]*$`)
)

// credentials returns the settings that select a login with a credential from Key Vault.
func (k *KeyVaultSettings) credentials() []Setting {
	if k == nil {
		return nil
	}
	return []Setting{k.CertificateName, k.ClientSecretName}
}

// reads returns the settings that name a secret to read from the vault.
func (k *KeyVaultSettings) reads() []Setting {
	return append(k.credentials(), k.CertificatePasswordSecretName, k.ClientIDSecretName, k.TenantIDSecretName,
		k.ThumbprintSecretName)
}

// vaultReads returns the Key Vault settings that a login of this kind uses; nil if it reads nothing from Key Vault.
// named reports whether HCL selects the kind. If it does, a vault that only the environment names is not used. A value
// in HCL takes precedence over a secret that the environment names for the same value. A secret takes precedence over
// the same value in the environment. HCL must not contain both a value and the name of a secret for it.
func (s Settings) vaultReads(kind Kind, named bool) (*KeyVaultSettings, error) {
	if s.KeyVault == nil || !kind.Entra() {
		return nil, nil
	}
	k := *s.KeyVault
	if kind != KindKeyVault {
		if named && !k.VaultURI.inHCL() && !slices.ContainsFunc(k.reads(), Setting.inHCL) {
			return nil, nil
		}
		for _, unused := range []*Setting{
			&k.CertificateName, &k.CertificateVersion, &k.CertificatePasswordSecretName, &k.ClientSecretName,
		} {
			*unused = Setting{Attribute: unused.Attribute}
		}
	}
	if kind != KindKeyVault && kind != KindCertificate {
		k.ThumbprintSecretName = Setting{Attribute: k.ThumbprintSecretName.Attribute}
	}
	if kind == KindCLI {
		k.ClientIDSecretName = Setting{Attribute: k.ClientIDSecretName.Attribute}
	}
	if better, same := prefer(k.CertificateName, k.ClientSecretName); same && better.inHCL() {
		return nil, errorAt(k.ClientSecretName.Attribute, "Two credentials in Key Vault",
			"%s and %s are both set. Remove one of them.", k.CertificateName.Source(), k.ClientSecretName.Source())
	} else if better == k.CertificateName {
		k.ClientSecretName = Setting{Attribute: k.ClientSecretName.Attribute}
	} else {
		k.CertificateName = Setting{Attribute: k.CertificateName.Attribute}
	}
	for _, pair := range []struct {
		plain  Setting
		stored *Setting
	}{
		{s.TenantID, &k.TenantIDSecretName},
		{s.ClientID, &k.ClientIDSecretName},
		{s.ClientIDFilePath, &k.ClientIDSecretName},
		{s.CertificateThumbprint, &k.ThumbprintSecretName},
	} {
		if !pair.plain.inHCL() || !pair.stored.IsSet() {
			continue
		}
		if pair.stored.inHCL() {
			return nil, errorAt(pair.stored.Attribute, "One value in two places",
				"%s sets a value, and %s names a Key Vault secret for the same value. Remove one of them.",
				pair.plain.Source(), pair.stored.Source())
		}
		*pair.stored = Setting{Attribute: pair.stored.Attribute}
	}
	if len(set(k.reads(), anywhere)) > 0 {
		return &k, nil
	}
	if k.VaultURI.inHCL() && len(set(s.KeyVault.reads(), anywhere)) == 0 {
		return nil, errorAt(k.VaultURI.Attribute, "Key Vault names nothing to read",
			"key_vault names a vault, but nothing to read from it. Set certificate_name or client_secret_name, or "+
				"the name of a secret that holds an id. Or remove key_vault.")
	}
	return nil, nil
}

// check checks the syntax of the Key Vault settings. privateCloud reports whether authority_host is set. Then the cloud
// is a private cloud, whose vaults are in a domain of their own.
func (k *KeyVaultSettings) check(c cloud, privateCloud bool) error {
	for _, need := range []struct {
		Setting
		name, hint string
	}{
		{k.VaultURI, "key_vault.vault_uri", "the vault's address, https://<name>" + c.vaultDomain + "/"},
		{k.Auth, "key_vault.auth", "the login that reads the vault: " + strings.Join(vaultAuths, ", ")},
	} {
		if k.ByProvider && need.name == "key_vault.auth" {
			continue
		}
		if !need.IsSet() {
			return errorAt(need.attributeOr(need.name), "Incomplete Key Vault login",
				"%s names something in a Key Vault, but %s is not set. Set it to %s.",
				set(k.reads(), anywhere)[0].Source(), need.attributeOr(need.name), need.hint)
		}
	}
	if err := checkVaultURI(k.VaultURI.Value, c, privateCloud); err != nil {
		return atSetting(err, k.VaultURI, "key_vault.vault_uri")
	}
	if err := CheckKeyVaultAuth(k.Auth.Value); err != nil && !k.ByProvider {
		return atSetting(err, k.Auth, "key_vault.auth")
	}
	if k.AuthClientID.IsSet() {
		if strings.TrimSpace(k.Auth.Value) != "msi" && k.AuthClientID.inHCL() {
			return atSetting(&Error{
				Summary: "Managed identity without auth = \"msi\"",
				Detail: fmt.Sprintf("%s names a user-assigned managed identity, and only auth = \"msi\" uses one. "+
					"auth is %s. Set auth = \"msi\", or remove the client id.",
					k.AuthClientID.Source(), strings.TrimSpace(k.Auth.Value)),
			}, k.AuthClientID, "key_vault.auth_client_id")
		}
		if err := CheckClientID(k.AuthClientID.Value); err != nil {
			return atSetting(err, k.AuthClientID, "key_vault.auth_client_id")
		}
	}
	for _, name := range set(k.reads(), anywhere) {
		if err := CheckSecretName(name.Value); err != nil {
			return atSetting(err, name, "key_vault")
		}
	}
	if k.CertificateVersion.IsSet() && !versionName().MatchString(strings.TrimSpace(k.CertificateVersion.Value)) {
		return atSetting(errorAt("", "Invalid certificate version",
			"A version in Key Vault is 32 hexadecimal digits, the last part of the certificate's identifier."),
			k.CertificateVersion, "key_vault.certificate_version")
	}
	return nil
}

// CheckKeyVaultAuth returns an error unless value names an identity that can read a vault.
func CheckKeyVaultAuth(value string) error {
	if slices.Contains(vaultAuths, strings.TrimSpace(value)) {
		return nil
	}
	return &Error{
		Summary: "Unknown login for Key Vault",
		Detail:  "The login that reads the vault must be one of " + strings.Join(vaultAuths, ", ") + ".",
	}
}

// CheckSecretName returns an error unless value can be the name of a secret or a certificate in Key Vault.
func CheckSecretName(value string) error {
	value = strings.TrimSpace(value)
	if databricksSecret().MatchString(value) || databricksToken().MatchString(value) {
		return errorAt("", "Value of a secret in place of a name in Key Vault",
			"The value is a secret of Databricks. Store this secret in Key Vault, and write the name of the "+
				"Key Vault secret here.")
	}
	if secretName().MatchString(value) {
		return nil
	}
	detail := "A name in Key Vault has up to 127 letters, digits and hyphens."
	if strings.Contains(value, "/") {
		detail += " Write the name alone, not the address of the secret."
	}
	return &Error{Summary: "Invalid name in Key Vault", Detail: detail}
}

// CheckVaultURI returns an error unless value is the https address of a vault in any of the Azure clouds.
func CheckVaultURI(value string) error {
	c, known := cloudOf(value, func(c cloud) string { return c.vaultDomain })
	if !known {
		c = clouds[0]
	}
	return checkVaultURI(value, c, false)
}

func checkVaultURI(value string, c cloud, privateCloud bool) error {
	value = strings.TrimSpace(value)
	fail := func(format string, args ...any) error { return errorAt("", "Invalid vault URI", format, args...) }
	form := "https://<name>" + c.vaultDomain + "/"
	if vaultNameFault(value) == "" {
		return fail("The value is the name of a vault. Write the vault's address, https://%s%s/.", value, c.vaultDomain)
	}
	u, err := url.Parse(value)
	name, ofCloud := "", false
	if err == nil {
		name, ofCloud = strings.CutSuffix(strings.ToLower(u.Host), c.vaultDomain)
	}
	fault := vaultNameFault(name)
	switch {
	case ofCloud && !privateCloud && name != "" && fault != "":
		return fail("%q %s, so no vault has that name. A vault's name has 3 to 24 letters, digits and hyphens; it "+
			"begins with a letter, ends with a letter or digit, and has no two hyphens in a row. Write the address "+
			"as %s.", name, fault, form)
	case err != nil || !IsHostName(u.Hostname()):
		return fail("Write the address of a vault as %s.", form)
	case !strings.EqualFold(u.Scheme, "https"):
		return fail("The address of a vault must begin with https. Write it as %s.", form)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return fail("Write only the address of the vault, with nothing after its host: %s. The name of a certificate or "+
			"secret belongs in certificate_name or client_secret_name.", form)
	case privateCloud, ofCloud && fault == "":
		return nil
	}
	if other, known := cloudOf(value, func(c cloud) string { return c.vaultDomain }); known && other.name != c.name {
		return fail("The vault is in the %s cloud, but the login is in the %s cloud, where the addresses of vaults "+
			"have the form %s. Correct the address, or set environment.", other.label, c.label, form)
	}
	return fail("In the %s cloud, write the address of a vault as %s.", c.label, form)
}

// vaultNameFault returns a text about the rule for the names of vaults that name breaks; "" if name breaks no rule.
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftkeyvault
func vaultNameFault(name string) string {
	switch {
	case !vaultCharacters().MatchString(name):
		return "has characters other than letters, digits and hyphens"
	case len(name) < 3, len(name) > 24:
		return fmt.Sprintf("is %d characters long", len(name))
	case !unicode.IsLetter(rune(name[0])):
		return "does not begin with a letter"
	case strings.HasSuffix(name, "-"):
		return "ends with a hyphen"
	case strings.Contains(name, "--"):
		return "has two hyphens in a row"
	}
	return ""
}
