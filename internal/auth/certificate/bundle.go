package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
)

// bundle is the content of a certificate file: all its certificates and keys, before one of the keys is chosen.
type bundle struct {
	// what describes the bundle in the error for a bundle without a key, such as "PEM certificates".
	what         string
	certificates [][]byte
	keys         []foundKey
	// unusedPassword is true if a password was set but not needed.
	unusedPassword bool
}

// foundKey is a private key of a bundle: the RSA key, or the error that says why the key cannot be used.
type foundKey struct {
	rsa     *rsa.PrivateKey
	problem *Error
}

// parseDER reads a PFX file. If data is another DER file that users configure by mistake, such as a certificate without
// a key, the error names the kind of file. Data after the outermost value is ignored, because editors and shells append
// a line end to a file.
func parseDER(data []byte, password string, from Origin, work *budget) (bundle, error) {
	normal, err := toDER(data)
	if err != nil {
		return bundle{}, damaged(data, from)
	}
	var parts []asn1.RawValue
	if unmarshal(normal, &parts) != nil || len(parts) == 0 {
		return bundle{}, damaged(data, from)
	}
	followedBy := func(tag int) bool { return len(parts) > 1 && isUniversal(parts[1], tag) }
	switch first := parts[0]; {
	case isUniversal(first, asn1.TagInteger) && bytes.Equal(first.Bytes, []byte{3}):
		return parsePFX(normal, password, from, work)
	case isUniversal(first, asn1.TagInteger):
		return bundle{}, noCertificateInDER(from)
	case isUniversal(first, asn1.TagOID):
		return bundle{}, onlyCertificates(from, "a PKCS#7 bundle (.p7b)")
	case isUniversal(first, asn1.TagSequence) && followedBy(asn1.TagSequence):
		return bundle{}, onlyCertificates(from, "a single certificate")
	case isUniversal(first, asn1.TagSequence) && followedBy(asn1.TagOctetString):
		return bundle{}, noCertificateInDER(from)
	}
	return bundle{}, damaged(data, from)
}

func isUniversal(value asn1.RawValue, tag int) bool {
	return value.Class == asn1.ClassUniversal && value.Tag == tag
}

// parsePFX opens a PFX file with the password or, if that fails, with an empty password.
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

// tryPassword opens the file with the password, and returns errWrongPassword if the password is wrong.
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

// opensWithoutMAC reports whether the password decrypts the contents of the file if its MAC is ignored. It is called
// after the check of the MAC failed, to tell a changed file from a wrong password. A file without a MAC returns false.
func (p *pfx) opensWithoutMAC(password string, work *budget) bool {
	if p.mac == nil {
		return false
	}
	contents, err := p.open(&pfxContents{opener: opener{formsOf(password), work}, strict: true})
	return err == nil && contents.opened
}

// legacy reports whether OpenSSL 3 opens the file only with the option -legacy, as far as the file shows that without a
// password.
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
		return bundle{}, from.fail("Client certificate is in an unknown format", "%s is a PFX file without a "+
			"certificate and without a private key.", from.Bundle)
	}
	return b, nil
}

// keyForm is the ASN.1 form of a private key.
type keyForm int

const (
	pkcs8 keyForm = iota
	pkcs1
)

const (
	// maxKeySize is the largest size of an encoded private key, in bytes, that is read. It is well above the size of an
	// RSA key of 16,384 bits. Larger keys take minutes.
	maxKeySize = 16 << 10
	maxKeys    = 16

	tooLargeKey = "it is larger than any RSA key in use"
)

// oidRSAPSS is the DER form of the object identifier id-RSASSA-PSS (RFC 4055). Go does not read keys of this kind.
var oidRSAPSS = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}

// readKey reads a private key that is not encrypted.
func readKey(content []byte, form keyForm, from Origin) foundKey {
	normal, err := toDER(content)
	if err != nil {
		return foundKey{problem: unreadableKey(from, "it is cut short or damaged")}
	}
	if len(normal) > maxKeySize {
		return foundKey{problem: unreadableKey(from, tooLargeKey)}
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

// assemble returns the private key of the bundle with its certificate and the other certificates. It returns an error
// unless exactly one usable RSA key belongs to a certificate.
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
		return nil, nil, from.fail("Client certificate key is too short", "%s has an RSA key of %d bits; Microsoft "+
			"Entra ID accepts keys of %d bits or more. Create a certificate with such a key, for example with: %s",
			from.Bundle, bits, minimumKeyBits, newRSA)
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
	for _, s := range skipped {
		c.Unread = append(c.Unread, s.content)
	}
	return c, skippedWarning(c, skipped, from), nil
}

func containsKey(keys []*rsa.PrivateKey, key *rsa.PrivateKey) bool {
	return slices.ContainsFunc(keys, func(k *rsa.PrivateKey) bool { return k.Equal(key) })
}
