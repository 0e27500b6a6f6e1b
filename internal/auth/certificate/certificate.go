// Package certificate reads a client certificate with its private key from whatever
// people keep one in: PEM text, a PFX file (PKCS#12), or base64 of either. It knows
// nothing of logins. Its errors explain what is wrong with a bundle, and never hold any
// of it.
package certificate

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

const (
	// minimumKeyBits is what Microsoft Entra ID asks of an application's key.
	minimumKeyBits = 2048
	// expiryNotice is how long before its end a certificate is warned about.
	expiryNotice = 30 * 24 * time.Hour

	// SummaryNoKey is the summary of the error for a bundle without its private key.
	SummaryNoKey = "Client certificate has no private key"
)

// Certificate is a client certificate with its private key. It formats as its
// subject, thumbprint and end; the key is never printed.
type Certificate struct {
	// Chain has the leaf first, then its issuers as far as the bundle has them,
	// then whatever else was in it that Go reads.
	Chain []*x509.Certificate `json:"-"`
	// Unread has the rest in DER: no login uses it.
	Unread [][]byte        `json:"-"`
	Key    *rsa.PrivateKey `json:"-"`
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
func (c *Certificate) CertificatePEM() string { return certificatePEM(c.Leaf().Raw) }

// ChainPEM is what else the bundle holds, issuers first and unread certificates last,
// as PEM text; "" for nothing.
func (c *Certificate) ChainPEM() string {
	var text strings.Builder
	for _, certificate := range c.Chain[1:] {
		text.WriteString(certificatePEM(certificate.Raw))
	}
	for _, content := range c.Unread {
		text.WriteString(certificatePEM(content))
	}
	return text.String()
}

// PrivateKeyPEM is the key in PKCS#8 form, unencrypted, as PEM text. It is the one
// way in which a key leaves this package, and a secret.
func (c *Certificate) PrivateKeyPEM() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		return "", errors.New("the private key cannot be written as PKCS#8")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func certificatePEM(content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content}))
}

// Origin has the names of a bundle and its password for messages.
type Origin struct {
	// Bundle names the bundle, as the subject of a sentence: "Certificate file
	// /x/sp.pfx", "The value of client_certificate".
	Bundle string
	// Password names the password: "client_certificate_password"; "" for "the password".
	Password string
	// File is a name for the commands that are suggested; "" for sp.pfx.
	File string
	// PathSetting is where a path belongs that was written in place of the bundle; "" if
	// there is no such setting.
	PathSetting string
}

// Error is the error for an unusable bundle. It holds nothing of the bundle itself and
// nothing of the password.
type Error struct {
	// AtPassword is whether the password is wrong, and not the bundle.
	AtPassword bool
	// Summary is a fixed sentence, unique to one family of failures.
	Summary string
	// Detail is what happened and what to do next.
	Detail string
}

func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

// Warning is a message for the user; the login continues.
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

// Parse reads a client certificate with its RSA private key from PEM text, from a
// PFX file (RFC 7292), or from base64 of either. The password opens a PFX or an
// encrypted PKCS#8 key (RFC 5958); it may be empty. The key must have at least 2048
// bits and belong to one of the certificates; see [Certificate.CheckValidity] for the
// dates. Errors are *[Error].
func Parse(data []byte, password string, from Origin) (*Certificate, []Warning, error) {
	return parse(data, password, from, &budget{left: maxWork, memory: maxMemory})
}

func parse(data []byte, password string, from Origin, work *budget) (*Certificate, []Warning, error) {
	from.Bundle, from.File = cmp.Or(from.Bundle, "The bundle"), cmp.Or(from.File, "sp.pfx")
	if len(data) > maxBundle {
		return nil, nil, from.fail("Client certificate is too large", "%s is larger than 2 MiB; a PFX or PEM bundle "+
			"has a few KiB.", from.Bundle)
	}
	data, err := unwrapOrSay(data, from)
	if err != nil {
		return nil, nil, err
	}
	// PEM comes first because it is unmistakable.
	parseForm := parseDER
	if isPEM(data) {
		parseForm = parsePEM
	}
	b, err := parseForm(data, password, from, work)
	if err != nil {
		return nil, nil, err
	}
	c, warnings, err := b.assemble(from)
	if err != nil {
		return nil, nil, err
	}
	if b.unusedPassword {
		warnings = append(warnings, Warning{
			AtPassword: true,
			Summary:    "Client certificate bundle has no password: " + c.Subject,
			Detail: fmt.Sprintf(
				"%s opens without a password, yet %s is set. Azure Key Vault drops the password of what is "+
					"imported into it. Remove the setting, or protect the bundle.",
				from.Bundle,
				from.password(),
			),
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

// orderChain puts the key's certificate first and its issuers after it. Bundles come in
// any order, and the first certificate of an x5c header must be the one that signed.
func orderChain(certificates []*x509.Certificate, key *rsa.PrivateKey) []*x509.Certificate {
	var chain []*x509.Certificate
	taken := make([]bool, len(certificates))
	take := func(wanted func(*x509.Certificate) bool) bool {
		for i, c := range certificates {
			if !taken[i] && wanted(c) {
				chain, taken[i] = append(chain, c), true
				return true
			}
		}
		return false
	}
	take(func(c *x509.Certificate) bool { return key.PublicKey.Equal(c.PublicKey) })
	for take(func(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, chain[len(chain)-1].RawIssuer) }) {
	}
	for take(func(*x509.Certificate) bool { return true }) {
	}
	return chain
}

// CheckValidity judges the certificate's dates at now: an *[Error] if it has
// expired or is not yet valid, a warning if less than 30 days are left.
func (c *Certificate) CheckValidity(now time.Time) (*Warning, error) {
	identity := fmt.Sprintf("%s, thumbprint %s,", c.Subject, c.ThumbprintSHA1)
	switch {
	case now.After(c.NotAfter):
		return nil, &Error{
			Summary: "Client certificate expired",
			Detail: fmt.Sprintf("%s expired %s (%s ago). Upload a new one under App registrations > Certificates & "+
				"secrets and point the provider at it.",
				identity, day(c.NotAfter), span(now.Sub(c.NotAfter))),
		}
	case now.Before(c.NotBefore):
		return nil, &Error{
			Summary: "Client certificate is not yet valid",
			Detail: fmt.Sprintf(
				"%s is valid from %s (in %s). If that is wrong, check the clock of this machine: it says %s.",
				identity,
				day(c.NotBefore),
				span(c.NotBefore.Sub(now)),
				now.UTC().Format(time.RFC3339),
			),
		}
	case c.NotAfter.Sub(now) < expiryNotice:
		return &Warning{
			Summary: "Client certificate expires soon: " + c.Subject,
			Detail: fmt.Sprintf("%s expires %s (in %s). Upload a new one under App registrations > Certificates & "+
				"secrets before then; an application can hold both.",
				identity, day(c.NotAfter), span(c.NotAfter.Sub(now))),
		}, nil
	}
	return nil, nil
}

// HasThumbprint reports whether that is the certificate's SHA-1 or SHA-256 thumbprint,
// in upper-case hexadecimal.
func (c *Certificate) HasThumbprint(thumbprint string) bool {
	return thumbprint == c.ThumbprintSHA1 || thumbprint == c.ThumbprintSHA256
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
