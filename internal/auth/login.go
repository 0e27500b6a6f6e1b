package auth

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// defaultRetryTimeout bounds all tries of one token request.
const defaultRetryTimeout = 5 * time.Minute

// Options are what a login needs besides settings.
type Options struct {
	// HTTPClient makes all requests; nil for one with Go's defaults, which honour
	// HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE. Its Timeout, if set, bounds one
	// request; otherwise one try is bounded by 30 seconds.
	HTTPClient *http.Client
	// RetryTimeout bounds all tries of one token request; 0 for 5 minutes.
	RetryTimeout time.Duration
	// Now judges certificates; nil for time.Now.
	Now func() time.Time
}

// Login is a chosen and checked credential. It is safe for concurrent use.
type Login struct {
	Kind Kind
	// Source is where the credential was written, as [Setting.Source] says it.
	Source string
	// TenantID and ClientID are empty for a token.
	TenantID, ClientID string
	// Authority is the URL tokens come from, tenant included; empty for a token.
	Authority string
	// Certificate is nil unless the login uses one.
	Certificate *Certificate
	// Warnings are for a person to read at configuration.
	Warnings []Warning
	// Ignored are credentials in the environment that configuration overrides.
	Ignored []Setting

	acquire tokenFunc
}

// Format writes kind, source and client id, whatever the verb.
func (l Login) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, strings.TrimSpace(fmt.Sprintf("%s login from %s %s", l.Kind, l.Source, l.ClientID)))
}

// Open chooses a login ([Settings.Choose]), reads its files and checks all that
// can be checked without the network, which it does not touch. Errors are
// *[Error].
func Open(s Settings, o Options) (*Login, error) {
	m, ignored, err := s.choose()
	if err != nil {
		return nil, err
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{}
	}
	if o.RetryTimeout <= 0 {
		o.RetryTimeout = defaultRetryTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Login{Kind: m.kind, Ignored: ignored}
	if m.application {
		base, err := authorityBase(s.AuthorityHost.Value)
		if err != nil {
			return nil, at(err, s.AuthorityHost, "authority_host")
		}
		l.TenantID = strings.TrimSpace(s.TenantID.Value)
		l.ClientID = strings.TrimSpace(s.ClientID.Value)
		l.Authority = base + "/" + l.TenantID
	}
	if l.acquire, err = m.open(l, s, o); err != nil {
		return nil, err
	}
	return l, nil
}

// AccessToken is a token for the scope ("<resource>/.default"), from the cache or
// from Microsoft Entra ID. It retries what passes by itself, within
// [Options.RetryTimeout] and never longer than ctx. Concurrent callers with one
// scope share one request and its outcome. Errors are *[Error]; errors.Is finds
// context and network causes.
//
// A login of [KindToken] has one token, for Databricks, and refuses to send it
// anywhere else.
func (l *Login) AccessToken(ctx context.Context, scope string) (Token, error) {
	return l.acquire(ctx, scope)
}

// Describe is for one log line: who logs in and by what, without any secret.
func (l *Login) Describe() map[string]any {
	d := map[string]any{"kind": string(l.Kind), "source": l.Source}
	for key, value := range map[string]string{"tenant_id": l.TenantID, "client_id": l.ClientID, "authority": l.Authority} {
		if value != "" {
			d[key] = value
		}
	}
	if c := l.Certificate; c != nil {
		d["certificate_subject"] = c.Subject
		d["certificate_thumbprint_sha1"] = c.ThumbprintSHA1
		d["certificate_thumbprint_sha256"] = c.ThumbprintSHA256
		d["certificate_not_after"] = c.NotAfter.Format(time.RFC3339)
	}
	return d
}

func openToken(l *Login, s Settings, _ Options) (tokenFunc, error) {
	l.Source = s.Token.Source()
	token := Token{Value: strings.TrimSpace(s.Token.Value)}
	attribute := s.Token.named("token")
	return func(_ context.Context, scope string) (Token, error) {
		if scope != DatabricksScope {
			return Token{}, &Error{
				Attribute: attribute,
				Summary:   "A Databricks token opens Databricks only",
				Detail:    "This needs a token of Microsoft Entra ID for another service. Log in with a client certificate or a client secret instead.",
			}
		}
		return token, nil
	}, nil
}

func openSecret(l *Login, s Settings, o Options) (tokenFunc, error) {
	l.Source = s.ClientSecret.Source()
	secret := strings.TrimSpace(s.ClientSecret.Value)
	if uuidSyntax.MatchString(secret) {
		l.Warnings = append(l.Warnings, Warning{
			Attribute: s.ClientSecret.named("client_secret"),
			Summary:   "Client secret looks like the secret's ID, not its value: " + l.ClientID,
			Detail: fmt.Sprintf("The value of %s is shaped like a UUID. Certificates & secrets shows two columns; the one needed is Value, which is shown only once, when the secret is made.",
				s.ClientSecret.Source()),
		})
	}
	cred, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		return nil, clientError(s.ClientSecret.named("client_secret"))
	}
	return openEntra(l, s, o, cred, s.ClientSecret.named("client_secret"), secret)
}

func openCertificate(l *Login, s Settings, o Options) (tokenFunc, error) {
	credential, c, warnings, err := s.loadCertificate()
	if err != nil {
		return nil, err
	}
	attribute := credential.named("client_certificate")
	l.Source, l.Certificate, l.Warnings = credential.Source(), c, warnings
	if s.CertificateThumbprint.IsSet() {
		if err := c.checkThumbprint(s.CertificateThumbprint.Value, s.CertificateThumbprint.named("client_certificate_thumbprint")); err != nil {
			return nil, err
		}
	}
	soon, err := c.CheckValidity(o.Now())
	if err != nil {
		return nil, at(err, Setting{Attribute: attribute}, attribute)
	}
	if soon != nil {
		soon.Attribute = attribute
		l.Warnings = append(l.Warnings, *soon)
	}
	cred, err := confidential.NewCredFromCert(c.Chain, c.Key)
	if err != nil {
		return nil, clientError(attribute)
	}
	return openEntra(l, s, o, cred, attribute, s.CertificatePassword.Value)
}

// clientError is for what MSAL refuses although the checks before passed. Its
// words are dropped: nothing says that they quote no secret.
func clientError(attribute string) error {
	return &Error{
		Attribute: attribute,
		Summary:   "Cannot set up the Azure login",
		Detail:    "The login library refuses these settings, although they passed every check of the provider. Please report this, with the settings but without secrets.",
	}
}

// loadCertificate reads the certificate from where it is configured. A place in
// HCL beats one in the environment; two places of equal rank must hold the same
// bytes.
func (s Settings) loadCertificate() (Setting, *Certificate, []Warning, error) {
	inline, file := s.Certificate, s.CertificatePath
	switch {
	case file.inHCL() && !inline.inHCL():
		inline.Value = ""
	case inline.inHCL() && !file.inHCL():
		file.Value = ""
	}

	var data []byte
	var from origin
	used := inline
	passwordName := s.CertificatePassword.named("client_certificate_password")
	if inline.IsSet() {
		from = origin{
			what:      "The value of " + inline.Source(),
			attribute: inline.named("client_certificate"), passwordAttribute: passwordName, file: "sp.pfx",
		}
		var err error
		if data, err = decodeInline(inline.Value, from); err != nil {
			return Setting{}, nil, nil, err
		}
	}
	if file.IsSet() {
		content, path, err := readCertificateFile(file)
		if err != nil {
			return Setting{}, nil, nil, err
		}
		if inline.IsSet() && !sameBundle(data, content) {
			return Setting{}, nil, nil, &Error{
				Attribute: from.attribute,
				Summary:   "Two different client certificates",
				Detail:    fmt.Sprintf("%s and %s hold different certificates; keep one.", inline.Source(), file.Source()),
			}
		}
		used, data = file, content
		from = origin{
			what:      "Certificate file " + path,
			attribute: file.named("client_certificate_path"), passwordAttribute: passwordName, file: path,
		}
	}
	c, warnings, err := parseCertificate(data, s.CertificatePassword.Value, from)
	return used, c, warnings, err
}

// sameBundle compares what is written inline with a file; either may be base64.
func sameBundle(inline, file []byte) bool {
	plain := func(data []byte) []byte {
		if decoded, err := unwrapText(data, origin{}); err == nil {
			data = decoded
		}
		return bytes.TrimSpace(data)
	}
	return bytes.Equal(plain(inline), plain(file))
}
