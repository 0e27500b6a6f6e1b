package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// bundle is what a file holds, before any judgement.
type bundle struct {
	// what is said of a bundle without a key: "PEM certificates".
	what         string
	certificates [][]byte
	keys         []foundKey
	// unusedPassword tells that a password was given and not needed.
	unusedPassword bool
}

// foundKey is an RSA key, or why it is none.
type foundKey struct {
	rsa     *rsa.PrivateKey
	problem *Error
}

// parseDER reads a PFX file, and tells apart the other DER files that are given in its
// place. Whatever follows the outermost value is dropped: editors and shells append a
// line end to a file.
func parseDER(data []byte, password string, from Origin, work *budget) (bundle, error) {
	normal, err := toDER(data)
	if err != nil {
		return bundle{}, damaged(data, from)
	}
	outer := cryptobyte.String(normal)
	var file, first cryptobyte.String
	var tag der.Tag
	if !outer.ReadASN1(&file, der.SEQUENCE) || !file.ReadAnyASN1(&first, &tag) {
		return bundle{}, damaged(data, from)
	}
	switch {
	case tag == der.INTEGER && bytes.Equal(first, []byte{3}):
		return parsePFX(normal, password, from, work)
	case tag == der.INTEGER:
		return bundle{}, noCertificateInDER(from)
	case tag == der.OBJECT_IDENTIFIER:
		return bundle{}, onlyCertificates(from, "a PKCS#7 bundle (.p7b)")
	case tag == der.SEQUENCE && file.PeekASN1Tag(der.SEQUENCE):
		return bundle{}, onlyCertificates(from, "a single certificate")
	case tag == der.SEQUENCE && file.PeekASN1Tag(der.OCTET_STRING):
		return bundle{}, noCertificateInDER(from)
	}
	return bundle{}, damaged(data, from)
}

// parsePFX opens a PFX file with the password, or with an empty one.
func parsePFX(normal []byte, password string, from Origin, work *budget) (bundle, error) {
	file, err := readPFX(normal)
	if err != nil {
		return bundle{}, pfxError(err, false, from)
	}
	passwords := []string{password}
	if password != "" {
		passwords = append(passwords, "")
	}
	var contents *pfxContents
	for i, candidate := range passwords {
		if contents, err = file.tryPassword(candidate, work); errors.Is(err, errWrongPassword) {
			continue
		}
		if err != nil {
			break
		}
		needed := contents.opened || file.mac != nil
		return contents.bundle(from, password != "" && (i > 0 || !needed))
	}
	legacy := file.legacy()
	switch {
	case !errors.Is(err, errWrongPassword):
		return bundle{}, pfxError(err, legacy, from)
	case password == "":
		return bundle{}, needsPassword(from)
	case file.opensWithoutMAC(password, work):
		return bundle{}, pfxError(errBadMAC, legacy, from)
	}
	return bundle{}, wrongPassword(from, password, checkPFX, legacy, func(other string) bool {
		_, err := file.tryPassword(other, work)
		return err == nil
	})
}

// tryPassword opens the file with one password.
func (p *pfx) tryPassword(password string, work *budget) (*pfxContents, error) {
	with := formsOf(password)
	verdict, err := p.verify(with, work)
	if err != nil {
		return nil, err
	}
	if verdict == macDiffers {
		return nil, errWrongPassword
	}
	contents, err := p.open(&pfxContents{opener: opener{with, work}})
	if err != nil {
		return nil, err
	}
	if contents.failure != nil && (len(contents.keys) == 0 || len(contents.certificates) == 0) {
		if errors.Is(contents.failure, errWrongPassword) && verdict == macFits {
			return nil, errTwoPasswords
		}
		return nil, contents.failure
	}
	return contents, nil
}

// opensWithoutMAC tells whether a password that the MAC refuses opens the contents.
func (p *pfx) opensWithoutMAC(password string, work *budget) bool {
	if p.mac == nil {
		return false
	}
	contents, err := p.open(&pfxContents{opener: opener{formsOf(password), work}, strict: true})
	return err == nil && contents.opened
}

// legacy tells whether OpenSSL 3 opens the file with -legacy only, as far as that shows
// without a password.
func (p *pfx) legacy() bool {
	contents, err := p.open(&pfxContents{})
	return err == nil && contents.legacy
}

func (c *pfxContents) bundle(from Origin, unusedPassword bool) (bundle, error) {
	b := bundle{what: "a PFX without a key", certificates: c.certificates, unusedPassword: unusedPassword}
	for _, key := range c.keys {
		b.keys = append(b.keys, readKey(key, pkcs8, from))
	}
	if len(b.keys) == 0 && len(b.certificates) == 0 {
		return bundle{}, from.fail("Client certificate is in an unknown format", "%s is a PFX file without a certificate and without a private key.", from.Bundle)
	}
	return b, nil
}

// pfxError says what a failure to open a PFX means.
func pfxError(err error, legacy bool, from Origin) *Error {
	var unsupported *unsupportedError
	switch {
	case errors.As(err, &unsupported):
		needed := legacy || unsupported.legacy
		return from.fail("Client certificate uses an unsupported encryption", "%s is protected with %s, which is not supported here. Convert it, run: %s%s",
			from.Bundle, unsupported.algorithm, fromPFX.legacy(needed).with(from), legacyHint(needed))
	case errors.Is(err, errTooMuchWork):
		return tooMuchWork(from, fromPFX.legacy(legacy))
	case errors.Is(err, errTwoPasswords):
		return from.failPassword("Client certificate has two passwords", "%s has one password for its integrity and another one for its contents; %s is the first alone. "+
			"Give it one password, run: %s%s", from.Bundle, from.password(), (fromPFX + " -twopass").legacy(legacy).with(from), legacyHint(legacy))
	case errors.Is(err, errBadMAC):
		return from.fail("Client certificate was changed after it was written", "%s opens with %s, but its MAC does not fit: the file is damaged, or its MAC has another password. "+
			"Get the file again. If you trust it as it is, run: %s%s", from.Bundle, from.password(), (fromPFX + " -nomacver").legacy(legacy).with(from), legacyHint(legacy))
	}
	return damaged(nil, from)
}

// damaged says so, and how that happened if it shows.
func damaged(data []byte, from Origin) *Error {
	hint := "Copy it again, as binary data."
	// U+FFFD stands for what is not UTF-8.
	if bytes.Count(data, []byte("\xef\xbf\xbd")) > 2 {
		hint = "It was read as text, which replaces most of its bytes: use filebase64() in place of file(), and copy it as binary data."
	}
	return from.fail("Client certificate is damaged", "%s begins like a PFX or DER file but is cut short or damaged. %s", from.Bundle, hint)
}

// keyForm is the form of a private key.
type keyForm int

const (
	pkcs8 keyForm = iota
	pkcs1
)

const (
	// maxKeySize is well above an RSA key of 16,384 bits. Larger numbers take minutes.
	maxKeySize = 16 << 10
	maxKeys    = 16
)

// oidRSAPSS is the DER form of id-RSASSA-PSS (RFC 4055), a kind of key that Go does
// not read.
var oidRSAPSS = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}

// readKey reads a private key that is not encrypted.
func readKey(content []byte, form keyForm, from Origin) foundKey {
	normal, err := toDER(content)
	if err != nil {
		return foundKey{problem: unreadableKey(from, "it is cut short or damaged")}
	}
	if len(normal) > maxKeySize {
		return foundKey{problem: unreadableKey(from, "it is larger than any RSA key in use")}
	}
	var key any
	if form == pkcs1 {
		key, err = x509.ParsePKCS1PrivateKey(normal)
	} else {
		key, err = x509.ParsePKCS8PrivateKey(normal)
	}
	switch {
	case err != nil && bytes.Contains(normal, oidRSAPSS):
		return foundKey{problem: notRSA(from, "a key that is marked for RSA-PSS alone")}
	case err != nil:
		return foundKey{problem: unreadableKey(from, goReason(err))}
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return foundKey{rsa: key}
	case *ecdsa.PrivateKey:
		return foundKey{problem: notRSA(from, "an EC key")}
	case ed25519.PrivateKey:
		return foundKey{problem: notRSA(from, "an Ed25519 key")}
	}
	return foundKey{problem: notRSA(from, "a key of another kind")}
}

// assemble finds the key and its certificate among what a bundle holds.
func (b bundle) assemble(from Origin) (*Certificate, []Warning, error) {
	switch {
	case len(b.keys) == 0:
		return nil, nil, onlyCertificates(from, b.what)
	case len(b.certificates) == 0:
		return nil, nil, noCertificate(from)
	case len(b.keys) > maxKeys:
		return nil, nil, severalKeys(from, len(b.keys))
	}
	var usable []*rsa.PrivateKey
	var problem *Error
	for _, key := range b.keys {
		switch {
		case key.rsa == nil && problem == nil:
			problem = key.problem
		case key.rsa != nil && !containsKey(usable, key.rsa):
			usable = append(usable, key.rsa)
		}
	}
	if len(usable) == 0 {
		return nil, nil, problem
	}
	var certificates []parsedCertificate
	for _, content := range b.certificates {
		certificates = append(certificates, parseCertificate(content))
	}
	var key *rsa.PrivateKey
	for _, candidate := range usable {
		if !slices.ContainsFunc(certificates, func(c parsedCertificate) bool { return c.belongsTo(candidate) }) {
			continue
		}
		if key != nil {
			return nil, nil, severalKeys(from, len(usable))
		}
		key = candidate
	}
	if key == nil {
		return nil, nil, noMatch(certificates, problem, from)
	}
	if bits := key.N.BitLen(); bits < minimumKeyBits {
		return nil, nil, from.fail("Client certificate key is too short", "%s has an RSA key of %d bits; Microsoft Entra ID takes %d or more. "+
			"Create a new one, for example with: %s", from.Bundle, bits, minimumKeyBits, createRSA)
	}
	var readable []*x509.Certificate
	var skipped []parsedCertificate
	for _, c := range certificates {
		if c.odd == nil || c.belongsTo(key) {
			readable = append(readable, c.Certificate)
		} else {
			skipped = append(skipped, c)
		}
	}
	c := describe(orderChain(readable, key), key)
	return c, skippedWarning(c, skipped, from), nil
}

// noMatch is for keys of which none belongs to a certificate. When Go cannot read a
// certificate, it may be that one.
func noMatch(certificates []parsedCertificate, problem *Error, from Origin) *Error {
	if problem != nil {
		return problem
	}
	for _, c := range certificates {
		if c.odd != nil {
			return from.fail("Client certificate cannot be read", "%s has a certificate that cannot be read, and none else that belongs to its private key. "+
				"Go says of it: %s.", from.Bundle, goReason(c.odd))
		}
	}
	return from.fail("Client certificate and private key do not match",
		"%s has %s, but its private key belongs to none of them. Export certificate and key together again.", from.Bundle, count(len(certificates), "certificate"))
}

func skippedWarning(c *Certificate, skipped []parsedCertificate, from Origin) []Warning {
	if len(skipped) == 0 {
		return nil
	}
	return []Warning{{
		Summary: "Client certificate bundle has a certificate that cannot be read: " + c.Subject,
		Detail: fmt.Sprintf("%s has %s beside the client's own that cannot be read (Go says of the first: %s). "+
			"The login works without, unless client_certificate_send_chain needs it.", from.Bundle, count(len(skipped), "certificate"), goReason(skipped[0].odd)),
	}}
}

var quoted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"[^"]*"?`) })

// goReason is why Go does not read something, without what it quotes of that.
func goReason(err error) string {
	reason := strings.ToValidUTF8(quoted().ReplaceAllString(err.Error(), "(…)"), "")
	if len(reason) > 200 {
		reason = strings.ToValidUTF8(reason[:200], "") + " …"
	}
	return strings.TrimSuffix(reason, ".")
}

func containsKey(keys []*rsa.PrivateKey, key *rsa.PrivateKey) bool {
	return slices.ContainsFunc(keys, func(k *rsa.PrivateKey) bool { return k.Equal(key) })
}

func severalKeys(from Origin, n int) *Error {
	return from.fail("Client certificate has several private keys", "%s has %d private keys; keep the one that belongs to the certificate.", from.Bundle, n)
}

func unreadableKey(from Origin, reason string) *Error {
	return from.fail("Client certificate key cannot be read", "%s has a private key that cannot be read: %s. Check with: %s", from.Bundle, reason, checkKey.with(from))
}

func notRSA(from Origin, what string) *Error {
	return from.fail("Client certificate key is not RSA", "%s has %s. Certificates that log in to Microsoft Entra ID must use RSA here; "+
		"create one, for example with: %s", from.Bundle, what, createRSA)
}

func needsPassword(from Origin) *Error {
	return from.fail("Client certificate needs a password", "%s is protected by a password; set %s.", from.Bundle, from.password())
}

func onlyCertificates(from Origin, what string) *Error {
	return from.fail(SummaryNoKey, "%s is %s and contains only the public certificate (.cer). "+
		"Microsoft Entra ID holds that half; here the PFX, or a PEM with the key, is needed.", from.Bundle, what)
}

const summaryNoCertificate = "Client certificate is missing beside its key"

func noCertificateInDER(from Origin) *Error {
	return from.fail(summaryNoCertificate, "%s is a private key in DER form, without a certificate. Make PEM text of it, run: %s. "+
		"Then put it beside its certificate, run: %s", from.Bundle, fromDER.with(from), joinPEM)
}

func noCertificate(from Origin) *Error {
	return from.fail(summaryNoCertificate, "%s has a private key but no certificate. Put both into one file, run: %s", from.Bundle, joinPFX.with(from))
}

func tooMuchWork(from Origin, convert command) *Error {
	return from.fail("Client certificate asks for too much work", "%s derives its key with parameters far beyond what tools choose; it may be damaged. "+
		"Convert it, run: %s", from.Bundle, convert.with(from))
}

// wrongPassword says what may be wrong with a password. opens tries another one.
func wrongPassword(from Origin, password string, check command, legacy bool, opens func(string) bool) *Error {
	hint := ""
	if shape := Placeholder(password); shape != "" {
		hint = fmt.Sprintf(" It is %s, a variable that the pipeline did not replace.", shape)
	}
	for _, around := range []struct {
		what string
		trim func(string) string
	}{
		{"a line end at its end", func(p string) string { return strings.TrimRight(p, "\r\n") }},
		{"white space around it", strings.TrimSpace},
		{"quotation marks around it", unquote},
	} {
		without := around.trim(password)
		if without == password {
			continue
		}
		hint = fmt.Sprintf(" It has %s, which count as part of it.", around.what)
		if opens(without) {
			hint = fmt.Sprintf(" It has %s: without, it opens.", around.what)
			break
		}
	}
	return from.failPassword("Client certificate password is wrong", "%s could not be opened with %s (also tried an empty one).%s Check with: %s%s",
		from.Bundle, from.password(), hint, check.legacy(legacy).with(from), legacyHint(legacy))
}
