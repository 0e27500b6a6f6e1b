package auth

import (
	"fmt"
	"strings"
)

// checkCertificateSettings returns an error if a setting of a certificate, such as its password, is set, but the login
// uses no certificate. It checks only settings in HCL, because a variable in the environment may be set for another
// program.
func (s Settings) checkCertificateSettings(chosen Kind) error {
	if chosen == KindCertificate || chosen == KindKeyVault && s.KeyVault.CertificateName.IsSet() {
		return nil
	}
	settings := []Setting{s.CertificatePassword, s.CertificateThumbprint}
	if k := s.KeyVault; k != nil {
		settings = append(settings, k.CertificatePasswordSecretName, k.CertificateVersion, k.ThumbprintSecretName)
	}
	for _, setting := range settings {
		if setting.inHCL() {
			return errorAt(setting.Attribute, "Certificate setting without a certificate",
				"%s is set, but the login uses no certificate. Set client_certificate_path, client_certificate or "+
					"key_vault.certificate_name too, or remove %[1]s.", setting.Attribute)
		}
	}
	return nil
}

// checkValues checks the syntax of the settings that the chosen login uses, and that the login of an application has a
// tenant id and a client id.
func (s Settings) checkValues(d decision) error {
	if d.application {
		if err := s.checkApplication(d); err != nil {
			return err
		}
	}
	switch d.kind {
	case KindToken:
		return nil
	case KindDatabricksOAuth, KindDatabricksOIDC:
		if err := s.checkDatabricksOAuth(d.kind); err != nil {
			return err
		}
		if s.Environment.IsSet() {
			if err := CheckEnvironment(s.Environment.Value); err != nil {
				return atSetting(err, s.Environment, "environment")
			}
		}
		return nil
	}
	if d.kind == KindClientSecret {
		value, attribute := strings.TrimSpace(s.ClientSecret.Value), s.ClientSecret.attributeOr("client_secret")
		if err := checkClientSecret(value, attribute, s.ClientSecret.Source()); err != nil {
			return err
		}
	}
	for _, check := range []struct {
		Setting
		name  string
		check func(string) error
	}{
		{s.TenantID, "tenant_id", CheckTenantID},
		{s.ClientID, "client_id", CheckClientID},
		{s.CertificateThumbprint, "client_certificate_thumbprint", CheckThumbprint},
		{s.Environment, "environment", CheckEnvironment},
		{s.AuthorityHost, "authority_host", CheckAuthorityHost},
		{s.ResourceManagerEndpoint, "resource_manager_endpoint", CheckResourceManagerEndpoint},
	} {
		if !check.IsSet() {
			continue
		}
		if err := check.check(check.Value); err != nil {
			return atSetting(err, check.Setting, check.name)
		}
	}
	if d.vault == nil {
		return nil
	}
	c, err := s.cloud()
	if err != nil {
		return err
	}
	return d.vault.check(c, s.AuthorityHost.IsSet())
}

// checkApplication returns an error unless the login of an application has a tenant id and a client id, or a source for
// each of them.
func (s Settings) checkApplication(d decision) error {
	inPod := d.kind == KindOIDC && s.UseAKSWorkloadIdentity.on()
	var vault KeyVaultSettings
	if d.vault != nil {
		vault = *d.vault
	}
	var missing, remedy []string
	var attribute string
	for _, need := range []struct {
		Setting
		name, env string
		elsewhere bool
	}{
		{s.TenantID, "tenant_id", "ARM_TENANT_ID", inPod || vault.TenantIDSecretName.IsSet()},
		{s.ClientID, "client_id", "ARM_CLIENT_ID",
			inPod || s.ClientIDFilePath.IsSet() || vault.ClientIDSecretName.IsSet()},
	} {
		if !need.IsSet() && !need.elsewhere {
			missing = append(missing, need.attributeOr(need.name))
			remedy = append(remedy, fmt.Sprintf("%s (or %s)", need.attributeOr(need.name), need.env))
			if attribute == "" {
				attribute = need.attributeOr(need.name)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	verb := "is"
	if len(missing) > 1 {
		verb = "are"
	}
	return errorAt(attribute, "Incomplete Azure login",
		"A credential is set (%s), but %s %s not set. Set %s. The application's page under App registrations shows "+
			"both IDs.", d.present(s)[0].Source(), strings.Join(missing, " and "), verb, strings.Join(remedy, " and "))
}
