package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// vault is a client for one Azure Key Vault, such as the vault that a login is read from.
type vault struct {
	settings KeyVaultSettings
	host     string
	client   *azsecrets.Client
	reader   *vaultReader
	timeout  time.Duration
	// lastStatus is the status of the last response that made the Azure library retry. The library does not report this
	// status if the time runs out before the retry.
	lastStatus atomic.Int64
}

// vaultFacts say where a credential was read from: the host of the vault, and the name and the version of the secret.
type vaultFacts struct{ host, name, version string }

// String returns the facts for a log or message. They contain no secret.
func (v vaultFacts) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s, %s %s", v.host, v.name, v.version))
}

// vaultContent holds the values that were read from a vault. The values are secrets and are never printed.
type vaultContent struct {
	facts    vaultFacts
	values   map[string]string // keyed by the attribute that names the secret
	settings KeyVaultSettings
}

// Format writes where the values were read from and never the values, whatever the verb.
func (c vaultContent) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.facts.String()) }

func (c vaultContent) of(name Setting) string { return c.values[name.Attribute] }

// vault returns the vault that the login is read from. It makes no request.
func (o *opening) vault(s Settings, k KeyVaultSettings) (*vault, error) {
	if login := o.options.VaultLogin; k.ByProvider && login != nil {
		if !login.Kind.Entra() {
			return nil, tokenOpensNoVault(login, k.VaultURI)
		}
		return o.vaultAs(ownReader(login), k)
	}
	reader, err := o.vaultReader(s, k)
	if err != nil {
		return nil, err
	}
	return o.vaultAs(reader, k)
}

// vaultRetry returns the options with which the Azure library retries temporary failures only. The status of each
// retried response is stored in lastStatus.
func (o *opening) vaultRetry(lastStatus *atomic.Int64) policy.RetryOptions {
	return policy.RetryOptions{
		TryTimeout: limitOf(o.http),
		ShouldRetry: func(response *http.Response, err error) bool {
			if err != nil {
				return !wrongAddress(err)
			}
			again := isTemporary(response.StatusCode) && response.StatusCode != http.StatusNotImplemented
			if again {
				lastStatus.Store(int64(response.StatusCode))
			}
			return again
		},
	}
}

// read reads all configured secrets concurrently. If several reads fail, it returns only the error for the most
// important secret, because usually all reads fail for the same cause.
func (v *vault) read(ctx context.Context) (*vaultContent, error) {
	limited, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	names := set(v.settings.reads(), anywhere)
	type result struct {
		value, version string
		err            error
	}
	results := make([]result, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() {
			version := ""
			if name.Attribute == v.settings.CertificateName.Attribute {
				version = strings.TrimSpace(v.settings.CertificateVersion.Value)
			}
			r := &results[i]
			r.value, r.version, r.err = v.get(limited, strings.TrimSpace(name.Value), version)
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, errorAt("", "Login was interrupted",
			"The operation ended before the provider had read the login from Key Vault %s.", v.host).withCause(err)
	}
	read := &vaultContent{facts: vaultFacts{host: v.host}, values: map[string]string{}, settings: v.settings}
	for i, r := range results {
		if r.err != nil {
			return nil, v.explain(names[i], r.err)
		}
		if strings.TrimSpace(r.value) == "" &&
			names[i].Attribute != v.settings.CertificatePasswordSecretName.Attribute {
			return nil, errorAt(names[i].Attribute, "Key Vault secret is empty",
				"Secret %s in Key Vault %s has an empty value.", names[i].Value, v.host)
		}
		read.values[names[i].Attribute] = r.value
		k := v.settings
		if slices.Contains([]Setting{k.CertificateName, k.CertificatePasswordSecretName, k.ClientSecretName},
			names[i]) {
			web.Conceal(r.value) // the other values are ids and no secrets
		}
		if i == 0 {
			read.facts.name, read.facts.version = strings.TrimSpace(names[i].Value), r.version
		}
	}
	return read, nil
}

// get returns the value and the version of a secret. It reads the newest version if version is empty.
func (v *vault) get(ctx context.Context, secret, version string) (value, read string, err error) {
	answer, err := v.client.GetSecret(ctx, secret, version, nil)
	if err == nil {
		err = v.checkID(vaultRequest{method: http.MethodGet, secret: secret, version: version}, answer.ID)
	}
	if err != nil {
		return "", "", err
	}
	if answer.Value != nil {
		value = *answer.Value
	}
	return value, answer.ID.Version(), nil
}

// complete returns the settings with the ids that were read from the vault, and checks these ids like configured ids.
func (v *vault) complete(s Settings, read *vaultContent) (Settings, error) {
	k := v.settings
	for _, id := range []struct {
		name  Setting
		field *Setting
		check func(string) error
	}{
		{k.TenantIDSecretName, &s.TenantID, CheckTenantID},
		{k.ClientIDSecretName, &s.ClientID, CheckClientID},
		{k.ThumbprintSecretName, &s.CertificateThumbprint, CheckThumbprint},
	} {
		if !id.name.IsSet() {
			continue
		}
		value := strings.TrimSpace(read.of(id.name))
		if err := id.check(value); err != nil {
			wrong, _ := errors.AsType[*Error](err)
			return s, errorAt(id.name.Attribute, wrong.Summary, "%s The value came from secret %s in Key Vault %s.",
				wrong.Detail, id.name.Value, v.host)
		}
		*id.field = Setting{Value: value, Attribute: id.name.Attribute}
	}
	return s, nil
}

// openKeyVault opens a login with the certificate or the client secret that a vault holds.
func openKeyVault(o *opening, s Settings) (finisher, error) {
	better, _ := prefer(s.KeyVault.CertificateName, s.KeyVault.ClientSecretName)
	o.login.Source = better.Source()
	return func(s Settings, read *vaultContent) (*session, error) {
		if read.settings.CertificateName.IsSet() {
			c, warnings, err := o.vaultCertificate(s, read)
			if err != nil {
				return nil, err
			}
			session, err := o.logInWithCertificate(s, c, read.settings.CertificateName.Attribute, &read.facts)
			if err == nil {
				session.warnings = warnings
			}
			return session, err
		}
		name := read.settings.ClientSecretName
		secret := strings.TrimSpace(read.of(name))
		where := fmt.Sprintf("%s in Key Vault %s", name.Value, read.facts.host)
		if err := checkClientSecret(secret, name.Attribute, "Secret "+where); err != nil {
			return nil, err
		}
		if w := secretIDWarning(secret, "secret "+where, s.ClientID.Value); w != nil {
			// This is an error, because a login has no warnings any more at this point. Entra ID would refuse the id of
			// a secret with a vaguer message.
			return nil, errorAt(name.Attribute, "Client secret in Key Vault is an ID", "%s", w.Detail)
		}
		return o.logInWithSecret(s, secret, name.Attribute, &read.facts)
	}, nil
}

// vaultCertificate parses the certificate that was read from the vault: a PFX in base64, or PEM text. The content
// decides which of the two it is, because the content type is less reliable. Key Vault drops the password of a PFX that
// is imported as a certificate, and keeps the password of a PFX that is stored as a secret. So a configured password is
// tried first and an empty password after it, and a password that is not needed is no error.
func (o *opening) vaultCertificate(s Settings, read *vaultContent) (*certificate.Certificate, []Warning, error) {
	k := read.settings
	from := origin{
		Origin: certificate.Origin{
			Bundle: fmt.Sprintf("Certificate %s of Key Vault %s",
				strings.TrimSpace(k.CertificateName.Value), read.facts.host),
			Password: k.CertificatePasswordSecretName.Attribute,
		},
		attribute:         k.CertificateName.Attribute,
		passwordAttribute: k.CertificatePasswordSecretName.Attribute,
	}
	passwords := []string{s.CertificatePassword.Value}
	if k.CertificatePasswordSecretName.IsSet() {
		stored := read.of(k.CertificatePasswordSecretName)
		passwords = []string{stored}
		from.Password = fmt.Sprintf("secret %s of that vault", strings.TrimSpace(k.CertificatePasswordSecretName.Value))
		// A password that was stored from a file often ends with a line end, so the password without the line end is
		// tried too.
		if trimmed := strings.TrimRight(stored, "\r\n"); trimmed != stored {
			passwords = append(passwords, trimmed)
		}
	} else if s.CertificatePassword.IsSet() {
		from.passwordAttribute = s.CertificatePassword.attributeOr("client_certificate_password")
		from.Password = s.CertificatePassword.Source()
	}
	var c *certificate.Certificate
	var found []Warning
	var err error
	for _, password := range passwords {
		if c, found, err = from.parse([]byte(read.of(k.CertificateName)), password); err == nil {
			break
		}
	}
	if wrong, ok := errors.AsType[*Error](err); ok && wrong.Summary == certificate.SummaryNoKey {
		return nil, nil, errorAt(from.attribute, "Key Vault certificate has no exportable key",
			"%s was read without a private key. If it is a certificate object, its policy does not allow exporting "+
				"the key: create a new version with an exportable key (key_props.exportable = true). If it "+
				"is a secret, store the PFX in it, or a PEM with the key.", from.Bundle)
	}
	if wrong, ok := errors.AsType[*Error](err); ok && wrong.Attribute == from.passwordAttribute {
		vault, _, _ := strings.Cut(read.facts.host, ".")
		wrong.Detail += fmt.Sprintf(" To download the file, run: az keyvault secret download --vault-name %s --name "+
			"%s --encoding base64 --file sp.pfx", vault, strings.TrimSpace(k.CertificateName.Value))
		if !k.CertificatePasswordSecretName.IsSet() {
			wrong.Detail += fmt.Sprintf(". For a PFX that was stored as a secret, set %s to the name of the secret "+
				"that holds the password.", k.CertificatePasswordSecretName.Attribute)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	where := fmt.Sprintf(" It is version %s of %s in Key Vault %s.",
		read.facts.version, read.facts.name, read.facts.host)
	soon, err := o.checkDates(c, from.attribute)
	if wrong, ok := errors.AsType[*Error](err); ok {
		return nil, nil, &Error{Attribute: from.attribute, Summary: wrong.Summary, Detail: wrong.Detail + where}
	}
	var warnings []Warning
	for _, w := range found {
		if w.Attribute == from.attribute { // leaves out the warning that the password was not needed
			warnings = append(warnings, w)
		}
	}
	if soon != nil {
		soon.Detail += where
		warnings = append(warnings, *soon)
	}
	return c, warnings, nil
}
