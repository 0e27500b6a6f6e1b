// Package certificate reads a bundle, which is a client certificate with its private key, in the forms in which people
// store it: PEM text, a PFX file (PKCS#12), or base64 of either. It does not log in. Its errors explain what is wrong
// with a bundle, and never quote the bundle.
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
	// minimumKeyBits is the minimum length, in bits, of an application's RSA key at Microsoft Entra ID.
	minimumKeyBits = 2048
	// expiryNotice is how long before the expiry of a certificate the provider begins to warn about it.
	expiryNotice = 30 * 24 * time.Hour

	// SummaryNoKey is the summary of the error for a bundle without its private key.
	SummaryNoKey = "Client certificate has no private key"
)

// Certificate is a client certificate with its private key. It formats as its subject, thumbprint and expiry; the key
// is never printed.
type Certificate struct {
	// Chain begins with the certificate of the key. Its issuers follow, as far as the bundle has them, and then the
	// other certificates of the bundle that Go can read.
	Chain []*x509.Certificate `json:"-"`
	// Unread are the certificates of the bundle that Go cannot read, in DER form. No login uses them.
	Unread [][]byte        `json:"-"`
	Key    *rsa.PrivateKey `json:"-"`
	// Subject and Issuer are distinguished names in the form of RFC 2253.
	Subject, Issuer string
	// Serial is the serial number in upper-case hexadecimal.
	Serial string
	// ThumbprintSHA1 and ThumbprintSHA256 are digests of the certificate's DER form, in upper-case hexadecimal.
	ThumbprintSHA1, ThumbprintSHA256 string
	NotBefore, NotAfter              time.Time
}

// Format writes the subject, the thumbprint and the expiry of the certificate, whatever the verb.
func (c Certificate) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "%s, thumbprint %s, valid until %s", c.Subject, c.ThumbprintSHA1, day(c.NotAfter))
}

// LogValue returns the text that Format writes.
func (c Certificate) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Expires returns the day on which the certificate expires, in UTC, as in 2026-01-31.
func (c *Certificate) Expires() string { return day(c.NotAfter) }

// Leaf returns the certificate that belongs to the private key.
func (c *Certificate) Leaf() *x509.Certificate { return c.Chain[0] }

// CertificatePEM returns the certificate of the private key as PEM text, without any other certificate.
func (c *Certificate) CertificatePEM() string { return certificatePEM(c.Leaf().Raw) }

// ChainPEM returns the other certificates of the bundle as PEM text: first the issuers, and last the certificates that
// Go cannot read. It returns "" if there are no other certificates.
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

// PrivateKeyPEM returns the private key in PKCS#8 form, unencrypted, as PEM text. The text is a secret. No other
// function of this package returns the key as text.
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

// Origin has the names of a bundle and of its password in messages.
type Origin struct {
	// Bundle names the bundle, as the subject of a sentence: "Certificate file
	// /x/sp.pfx", "The value of client_certificate".
	Bundle string
	// Password names the password: "client_certificate_password"; "" for "the password".
	Password string
	// File is the name of the bundle's file in the commands that messages suggest; "" means sp.pfx.
	File string
	// PathSetting is the setting to use for a path, if the bundle's own setting holds a path by mistake; "" if there is
	// no such setting.
	PathSetting string
}

// Error is the error for a bundle that cannot be used. It quotes no part of the bundle or the password.
type Error struct {
	// AtPassword is true if the password is wrong, and false if the bundle is wrong.
	AtPassword bool
	// Summary is a fixed sentence, unique to one family of failures.
	Summary string
	// Detail says what happened and what to do next.
	Detail string
}

func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

// Warning is a warning for the user about a bundle that can be used.
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

// password returns the name of the password for a sentence.
func (o Origin) password() string { return cmp.Or(o.Password, "the password") }

// Parse reads a client certificate with its RSA private key from PEM text, from a PFX file (RFC 7292), or from base64
// of either. The password opens a PFX or an encrypted PKCS#8 key (RFC 5958). It may be empty. The key must have at
// least 2048 bits and belong to one of the certificates. Parse does not check the dates; [Certificate.CheckValidity]
// does. Errors are *[Error].
func Parse(data []byte, password string, from Origin) (*Certificate, []Warning, error) {
	return parse(data, password, from, &budget{left: maxWork, memory: maxMemory})
}

func parse(data []byte, password string, from Origin, work *budget) (*Certificate, []Warning, error) {
	from.Bundle, from.File = cmp.Or(from.Bundle, "The bundle"), cmp.Or(from.File, "sp.pfx")
	if len(data) > maxBundle {
		return nil, nil, from.fail("Client certificate is too large", "%s is larger than 2 MiB. A PFX or PEM file "+
			"has a few KiB, so this is probably another file.", from.Bundle)
	}
	data, err := unwrapOrSay(data, from)
	if err != nil {
		return nil, nil, err
	}
	// PEM text is recognised first, because it cannot be mistaken for another form.
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
			Detail: fmt.Sprintf("%s can be read without a password, but %s is set. Azure Key Vault removes the "+
				"password when a certificate is imported. Remove the setting, or protect the file with the password.",
				from.Bundle, from.password()),
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

// orderChain returns the certificates in this order: the certificate of the key, its issuers, all others. A bundle has
// its certificates in any order, but an x5c header must begin with the certificate whose key signed.
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

// CheckValidity compares the certificate's dates with now. It returns an *[Error] if the certificate has expired or is
// not yet valid, and a warning if less than 30 days are left.
func (c *Certificate) CheckValidity(now time.Time) (*Warning, error) {
	identity := fmt.Sprintf("%s, thumbprint %s,", c.Subject, c.ThumbprintSHA1)
	switch {
	case now.After(c.NotAfter):
		return nil, &Error{
			Summary: "Client certificate expired",
			Detail: fmt.Sprintf("Certificate %s expired on %s (%s ago). Upload a new certificate under App "+
				"registrations > Certificates & secrets, and set the new certificate in the provider's configuration.",
				identity, day(c.NotAfter), span(now.Sub(c.NotAfter))),
		}
	case now.Before(c.NotBefore):
		return nil, &Error{
			Summary: "Client certificate is not yet valid",
			Detail: fmt.Sprintf("Certificate %s is valid from %s on (in %s). If this date is in the past, correct "+
				"the clock of this machine, which shows %s.",
				identity, day(c.NotBefore), span(c.NotBefore.Sub(now)), now.UTC().Format(time.RFC3339)),
		}
	case c.NotAfter.Sub(now) < expiryNotice:
		return &Warning{
			Summary: "Client certificate expires soon: " + c.Subject,
			Detail: fmt.Sprintf("Certificate %s expires on %s (in %s). Before that date, upload a new certificate "+
				"under App registrations > Certificates & secrets. An application can have both certificates at the "+
				"same time.",
				identity, day(c.NotAfter), span(c.NotAfter.Sub(now))),
		}, nil
	}
	return nil, nil
}

// HasThumbprint reports whether thumbprint, in upper-case hexadecimal, is the SHA-1 or SHA-256 thumbprint of the
// certificate.
func (c *Certificate) HasThumbprint(thumbprint string) bool {
	return thumbprint == c.ThumbprintSHA1 || thumbprint == c.ThumbprintSHA256
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// span returns a duration as text for people: in days from two days on, else in hours, or below one hour in minutes.
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
