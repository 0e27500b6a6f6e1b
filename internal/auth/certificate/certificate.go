// Package certificate reads a client certificate with its private key from whatever
// people keep one in: PEM text, a PFX file (PKCS#12), or base64 of either. It knows
// nothing of logins. Its errors say what is wrong with a bundle, and never hold any
// of it.
package certificate

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
)

const (
	// minimumKeyBits is what Microsoft Entra ID asks of an application's key.
	minimumKeyBits = 2048
	// expiryNotice is how long before its end a certificate is warned about.
	expiryNotice = 30 * 24 * time.Hour

	// SummaryNoKey is what a bundle without its private key is told with.
	SummaryNoKey = "Client certificate has no private key"

	recreateRSA = `openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=my-app" -keyout key.pem -out cert.pem`
)

// Certificate is a client certificate with its private key. It formats as its
// subject, thumbprint and end; the key is never printed.
type Certificate struct {
	// Chain has the leaf first, then its issuers as far as the bundle has them,
	// then whatever else was in it.
	Chain []*x509.Certificate `json:"-"`
	Key   *rsa.PrivateKey     `json:"-"`
	// Subject and Issuer are distinguished names in the form of RFC 2253.
	Subject, Issuer string
	// Serial is in upper-case hexadecimal.
	Serial string
	// The thumbprints are digests of the certificate's DER form, in upper-case
	// hexadecimal.
	ThumbprintSHA1, ThumbprintSHA256 string
	NotBefore, NotAfter              time.Time
}

// Format writes subject, thumbprint and end, whatever the verb.
func (c Certificate) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "%s, thumbprint %s, valid until %s", c.Subject, c.ThumbprintSHA1, day(c.NotAfter))
}

// LogValue is what Format writes.
func (c Certificate) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Expires is the day on which the certificate ends, in UTC.
func (c *Certificate) Expires() string { return day(c.NotAfter) }

// Leaf is the certificate that belongs to the key.
func (c *Certificate) Leaf() *x509.Certificate { return c.Chain[0] }

// CertificatePEM is the certificate alone, as PEM text.
func (c *Certificate) CertificatePEM() string { return certificatesPEM(c.Chain[:1]) }

// ChainPEM is what else the bundle holds, issuers first, as PEM text; "" for
// nothing.
func (c *Certificate) ChainPEM() string { return certificatesPEM(c.Chain[1:]) }

// PrivateKeyPEM is the key in PKCS#8 form, unencrypted, as PEM text. It is the one
// way in which a key leaves this package, and a secret.
func (c *Certificate) PrivateKeyPEM() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		return "", errors.New("the private key cannot be written as PKCS#8")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func certificatesPEM(certificates []*x509.Certificate) string {
	var text strings.Builder
	for _, certificate := range certificates {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	}
	return text.String()
}

// Origin says what a bundle and its password are called in a message.
type Origin struct {
	// Bundle names the bundle, as the subject of a sentence: "Certificate file
	// /x/sp.pfx", "The value of client_certificate".
	Bundle string
	// Password names the password: "client_certificate_password"; "" for "the password".
	Password string
	// File is a name for the commands that are suggested; "" for sp.pfx.
	File string
}

// Error says what is wrong with a bundle. It holds nothing of the bundle itself and
// nothing of the password.
type Error struct {
	// AtPassword says that the password is wrong, and not the bundle.
	AtPassword bool
	// Summary is a fixed sentence, unique to one family of failures.
	Summary string
	// Detail says what happened and what to do next.
	Detail string
}

func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

// Warning is for a person to read, and stops nothing.
type Warning struct {
	AtPassword      bool
	Summary, Detail string
}

func (Origin) fail(summary, format string, args ...any) *Error {
	return &Error{Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

func (o Origin) failPassword(summary, format string, args ...any) *Error {
	return &Error{AtPassword: true, Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

// password names the password in a sentence.
func (o Origin) password() string { return cmp.Or(o.Password, "the password") }

// bundle is what a file holds, before any judgement.
type bundle struct {
	certificates []*x509.Certificate
	key          *rsa.PrivateKey
	// unusedPassword tells that a password was given and not needed.
	unusedPassword bool
}

// Parse reads a client certificate with its RSA private key from PEM text, from a
// PFX file (RFC 7292), or from base64 of either. The password opens a PFX or an
// encrypted PKCS#8 key (RFC 5958); it may be empty. The key must have at least 2048
// bits and belong to one of the certificates; see [Certificate.CheckValidity] for the
// dates. Errors are *[Error].
func Parse(data []byte, password string, from Origin) (*Certificate, []Warning, error) {
	from.Bundle, from.File = cmp.Or(from.Bundle, "The bundle"), cmp.Or(from.File, "sp.pfx")
	b, err := parseBundle(data, password, from)
	if err != nil {
		return nil, nil, err
	}
	if bits := b.key.N.BitLen(); bits < minimumKeyBits {
		return nil, nil, from.fail("Client certificate key is too short",
			"%s has an RSA key of %d bits; Microsoft Entra ID takes %d or more. Create a new one, for example with: %s", from.Bundle, bits, minimumKeyBits, recreateRSA)
	}
	chain := orderChain(b.certificates, b.key)
	if chain == nil {
		return nil, nil, from.fail("Client certificate and private key do not match",
			"%s has %s, but its private key belongs to none of them. Export certificate and key together again.", from.Bundle, count(len(b.certificates), "certificate"))
	}
	c := describe(chain, b.key)
	var warnings []Warning
	if b.unusedPassword {
		warnings = append(warnings, Warning{
			AtPassword: true,
			Summary:    "Client certificate bundle has no password: " + c.Subject,
			Detail:     fmt.Sprintf("%s opens without a password, yet %s is set. Azure Key Vault drops the password of what is imported into it. Remove the setting, or protect the bundle.", from.Bundle, from.password()),
		})
	}
	return c, warnings, nil
}

func describe(chain []*x509.Certificate, key *rsa.PrivateKey) *Certificate {
	leaf := chain[0]
	sum1, sum256 := sha1.Sum(leaf.Raw), sha256.Sum256(leaf.Raw)
	return &Certificate{
		Chain:            chain,
		Key:              key,
		Subject:          leaf.Subject.String(),
		Issuer:           leaf.Issuer.String(),
		Serial:           strings.ToUpper(leaf.SerialNumber.Text(16)),
		ThumbprintSHA1:   strings.ToUpper(hex.EncodeToString(sum1[:])),
		ThumbprintSHA256: strings.ToUpper(hex.EncodeToString(sum256[:])),
		NotBefore:        leaf.NotBefore.UTC(),
		NotAfter:         leaf.NotAfter.UTC(),
	}
}

// orderChain puts the key's certificate first and its issuers after it; nil if no
// certificate belongs to the key. Bundles come in any order, and the first
// certificate of an x5c header must be the one that signed.
func orderChain(certificates []*x509.Certificate, key *rsa.PrivateKey) []*x509.Certificate {
	var chain []*x509.Certificate
	rest := append([]*x509.Certificate{}, certificates...)
	take := func(wanted func(*x509.Certificate) bool) bool {
		for i, c := range rest {
			if wanted(c) {
				chain, rest = append(chain, c), append(rest[:i:i], rest[i+1:]...)
				return true
			}
		}
		return false
	}
	if !take(func(c *x509.Certificate) bool { return key.PublicKey.Equal(c.PublicKey) }) {
		return nil
	}
	for take(func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawSubject, chain[len(chain)-1].RawIssuer)
	}) {
	}
	return append(chain, rest...)
}

// CheckValidity judges the certificate's dates at now: an *[Error] if it has
// expired or is not yet valid, a warning if less than 30 days are left.
func (c *Certificate) CheckValidity(now time.Time) (*Warning, error) {
	identity := fmt.Sprintf("%s, thumbprint %s,", c.Subject, c.ThumbprintSHA1)
	switch {
	case now.After(c.NotAfter):
		return nil, &Error{
			Summary: "Client certificate expired",
			Detail: fmt.Sprintf("%s expired %s (%s ago). Upload a new one under App registrations > Certificates & secrets and point the provider at it.",
				identity, day(c.NotAfter), span(now.Sub(c.NotAfter))),
		}
	case now.Before(c.NotBefore):
		return nil, &Error{
			Summary: "Client certificate is not yet valid",
			Detail: fmt.Sprintf("%s is valid from %s (in %s). If that is wrong, check the clock of this machine: it says %s.",
				identity, day(c.NotBefore), span(c.NotBefore.Sub(now)), now.UTC().Format(time.RFC3339)),
		}
	case c.NotAfter.Sub(now) < expiryNotice:
		return &Warning{
			Summary: "Client certificate expires soon: " + c.Subject,
			Detail: fmt.Sprintf("%s expires %s (in %s). Upload a new one under App registrations > Certificates & secrets before then; an application can hold both.",
				identity, day(c.NotAfter), span(c.NotAfter.Sub(now))),
		}, nil
	}
	return nil, nil
}

// HasThumbprint tells whether that is the certificate's SHA-1 or SHA-256 thumbprint,
// in upper-case hexadecimal.
func (c *Certificate) HasThumbprint(thumbprint string) bool {
	return thumbprint == c.ThumbprintSHA1 || thumbprint == c.ThumbprintSHA256
}

// parseBundle finds out by content what the data is. PEM comes first because it
// is unmistakable; DER begins with the byte of an ASN.1 SEQUENCE; what else is
// text may be base64 of either, as a vault's secret downloads.
func parseBundle(data []byte, password string, from Origin) (bundle, error) {
	data, err := unwrapText(data, from)
	if err != nil {
		return bundle{}, err
	}
	if isPEM(data) {
		return parsePEM(data, password, from)
	}
	return parseDER(data, password, from)
}

func isPEM(data []byte) bool { return bytes.Contains(data, []byte("-----BEGIN")) }
func isDER(data []byte) bool {
	return len(data) > 1 && data[0] == 0x30 && (data[1] >= 0x80 || len(data) == int(data[1])+2)
}

// Unwrap removes base64 around a bundle, if there is any.
func Unwrap(data []byte) ([]byte, error) { return unwrapText(data, Origin{}) }

// unwrapText removes base64 around the bundle, if there is any.
func unwrapText(data []byte, from Origin) ([]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, from.fail("Client certificate is in UTF-16",
			"%s is text in UTF-16, as PowerShell's > writes it. Save it as ASCII, for example with Out-File -Encoding ascii.", from.Bundle)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, from.fail("Client certificate is empty", "%s is empty.", from.Bundle)
	}
	if isPEM(data) || isDER(data) {
		return data, nil
	}
	if bytes.HasPrefix(data, []byte("\xfe\xed\xfe\xed")) || bytes.HasPrefix(data, []byte("\xce\xce\xce\xce")) {
		return nil, from.fail("Client certificate is a Java keystore",
			"%s is in Java's own format. Convert it, run: keytool -importkeystore -srckeystore old.jks -destkeystore sp.p12 -deststoretype PKCS12", from.Bundle)
	}
	if decoded, err := DecodeBase64(data); err == nil && (isPEM(decoded) || isDER(decoded)) {
		return decoded, nil
	}
	return nil, from.fail("Client certificate is in an unknown format",
		"%s is neither a PFX file, nor PEM text, nor base64 of one of these.", from.Bundle)
}

// DecodeBase64 takes the standard and the URL alphabet, padded or not, with any
// white space.
func DecodeBase64(data []byte) ([]byte, error) {
	text := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		}
		return r
	}, string(data))
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		// The library's error tells a position only; even that is not needed.
		return nil, errors.New("not base64")
	}
	return decoded, nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// span is a duration as a person says it: days, or hours below two days.
func span(d time.Duration) string {
	if d >= 48*time.Hour {
		return count(int(d/(24*time.Hour)), "day")
	}
	if d >= time.Hour {
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/time.Minute), "minute")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
