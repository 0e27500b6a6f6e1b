package certificate

import (
	"crypto/hmac"
	"encoding/asn1"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// The object identifiers of PKCS#12 (RFC 7292) and CMS (RFC 5652).
const (
	oidData          = "1.2.840.113549.1.7.1"
	oidSignedData    = "1.2.840.113549.1.7.2"
	oidEnvelopedData = "1.2.840.113549.1.7.3"
	oidEncryptedData = "1.2.840.113549.1.7.6"

	oidKeyBag          = "1.2.840.113549.1.12.10.1.1"
	oidShroudedKeyBag  = "1.2.840.113549.1.12.10.1.2"
	oidCertBag         = "1.2.840.113549.1.12.10.1.3"
	oidSafeContentsBag = "1.2.840.113549.1.12.10.1.6"
	oidX509Certificate = "1.2.840.113549.1.9.22.1"
)

var explicit0 = der.Tag(0).Constructed().ContextSpecific()

var (
	// errTwoPasswords is the error for a PFX file whose MAC and contents have different passwords.
	errTwoPasswords = errors.New("two passwords")
	// errBadMAC is the error for a PFX file whose contents open with the password, but whose MAC does not fit.
	errBadMAC = errors.New("the MAC does not fit")
)

// pfx is a PFX file before anything in it is decrypted.
type pfx struct {
	safes []byte // the AuthenticatedSafe in its original bytes, which the MAC is computed over
	mac   *pfxMAC
}

type pfxMAC struct {
	algorithm
	sum, salt []byte
	rounds    int64
}

// readPFX reads the outermost structure of a PFX file (RFC 7292, section 4), and decrypts nothing.
func readPFX(normal []byte) (*pfx, error) {
	outer := cryptobyte.String(normal)
	var file, info, content cryptobyte.String
	var version int64
	var kind asn1.ObjectIdentifier
	p := &pfx{}
	if !outer.ReadASN1(&file, der.SEQUENCE) || !file.ReadASN1Integer(&version) ||
		!file.ReadASN1(&info, der.SEQUENCE) ||
		!info.ReadASN1ObjectIdentifier(&kind) || !info.ReadASN1(&content, explicit0) {
		return nil, errMalformed
	}
	if kind.String() == oidSignedData {
		return nil, &unsupportedError{algorithm: "a signature instead of a MAC"}
	}
	if kind.String() != oidData || !content.ReadASN1Bytes(&p.safes, der.OCTET_STRING) {
		return nil, errMalformed
	}
	if file.Empty() {
		return p, nil
	}
	var data, info2 cryptobyte.String
	mac := &pfxMAC{rounds: 1}
	if !file.ReadASN1(&data, der.SEQUENCE) || !data.ReadASN1(&info2, der.SEQUENCE) {
		return nil, errMalformed
	}
	var err error
	if mac.algorithm, err = readAlgorithm(&info2); err != nil {
		return nil, err
	}
	if !info2.ReadASN1Bytes(&mac.sum, der.OCTET_STRING) || !data.ReadASN1Bytes(&mac.salt, der.OCTET_STRING) ||
		!data.Empty() && !data.ReadASN1Integer(&mac.rounds) {
		return nil, errMalformed
	}
	p.mac = mac
	return p, nil
}

// macVerdict is the result of checking a password with the MAC of a PFX file.
type macVerdict int

const (
	macUnknown macVerdict = iota // the file has no MAC, or this package does not implement its hash
	macFits
	macDiffers
)

// verify checks the encodings of a password with the MAC of the file, and moves the encoding that fits to the front of
// its list.
func (p *pfx) verify(with forms, work *budget) (macVerdict, error) {
	if p.mac == nil {
		return macUnknown, nil
	}
	list := with.wide
	if p.mac.id == oidPBMAC1 {
		list = with.text
	}
	for i, password := range list {
		sum, err := p.mac.compute(p.safes, password, work)
		if _, ok := errors.AsType[*unsupportedError](err); ok {
			return macUnknown, nil
		}
		if err != nil {
			return macDiffers, err
		}
		if hmac.Equal(sum, p.mac.sum) {
			prefer(list, i)
			return macFits, nil
		}
	}
	return macDiffers, nil
}

func (m *pfxMAC) compute(content, password []byte, work *budget) ([]byte, error) {
	use, key := digest{}, []byte(nil)
	var err error
	if m.id == oidPBMAC1 {
		use, key, err = m.pbmac1(password, work)
	} else {
		var ok bool
		if use, ok = digests[m.id]; !ok {
			return nil, unsupported(m.id)
		}
		key, err = pkcs12Key(use, m.salt, password, 3, m.rounds, use.new().Size(), work)
	}
	if err != nil {
		return nil, err
	}
	h := hmac.New(use.new, key)
	h.Write(content)
	return h.Sum(nil), nil
}

// pbmac1 returns the hash function and the key of a MAC in the form PBMAC1 (RFC 9579).
func (m *pfxMAC) pbmac1(password []byte, work *budget) (digest, []byte, error) {
	var sequence cryptobyte.String
	parameters := m.parameters
	if !parameters.ReadASN1(&sequence, der.SEQUENCE) {
		return digest{}, nil, errMalformed
	}
	derivation, err := readAlgorithm(&sequence)
	if err != nil {
		return digest{}, nil, err
	}
	scheme, err := readAlgorithm(&sequence)
	if err != nil {
		return digest{}, nil, err
	}
	use, ok := digests[scheme.id]
	if !ok {
		return digest{}, nil, unsupported(scheme.id)
	}
	key, err := derivation.derive(password, use.new().Size(), work)
	return use, key, err
}

// pfxContents are the contents of a PFX file that one password opened.
type pfxContents struct {
	keys, certificates [][]byte
	// opened is true if the password was needed to decrypt something.
	opened bool
	// failure is the error for the first part that could not be decrypted.
	failure error
	// legacy is true if OpenSSL 3 opens the file only with the option -legacy.
	legacy bool
	// strict makes the first failure the error for the whole file.
	strict bool

	opener
}

// opener decrypts with the encodings of one password.
type opener struct {
	with forms
	work *budget
}

// open reads the contents of the file into c, with the password of c.
func (p *pfx) open(c *pfxContents) (*pfxContents, error) {
	normal, err := toDER(p.safes)
	outer := cryptobyte.String(normal)
	var safes cryptobyte.String
	if err != nil || !outer.ReadASN1(&safes, der.SEQUENCE) {
		return nil, errMalformed
	}
	for !safes.Empty() {
		if err := c.readSafe(&safes); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readSafe reads the next ContentInfo of safes, which is one part of the contents, and decrypts it if needed.
func (c *pfxContents) readSafe(safes *cryptobyte.String) error {
	var info, content cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !safes.ReadASN1(&info, der.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&kind) ||
		!info.ReadASN1(&content, explicit0) {
		return errMalformed
	}
	switch kind.String() {
	case oidData:
		var plain []byte
		if !content.ReadASN1Bytes(&plain, der.OCTET_STRING) {
			return errMalformed
		}
		normal, err := toDER(plain)
		if err != nil {
			return err
		}
		return c.readBags(normal, 0)
	case oidEncryptedData:
		var data, encrypted cryptobyte.String
		if !content.ReadASN1(&data, der.SEQUENCE) || !data.SkipASN1(der.INTEGER) ||
			!data.ReadASN1(&encrypted, der.SEQUENCE) || !encrypted.SkipASN1(der.OBJECT_IDENTIFIER) {
			return errMalformed
		}
		scheme, err := readAlgorithm(&encrypted)
		if err != nil {
			return err
		}
		ciphertext, ok := implicitOctets(&encrypted)
		if !ok {
			return errMalformed
		}
		return c.fail(c.decrypt(scheme, ciphertext, func(plain []byte) error { return c.readBags(plain, 0) }))
	case oidEnvelopedData:
		return c.fail(&unsupportedError{algorithm: "the public key of a certificate instead of a password"})
	}
	return nil
}

// implicitOctets reads a value of the ASN.1 type [0] IMPLICIT OCTET STRING. The tag of this type hides from toDER that
// the value is an octet string, so implicitOctets joins the pieces of the string.
func implicitOctets(s *cryptobyte.String) ([]byte, bool) {
	var value cryptobyte.String
	var tag der.Tag
	if !s.ReadAnyASN1(&value, &tag) {
		return nil, false
	}
	if tag == der.Tag(0).ContextSpecific() {
		return value, true
	}
	var all []byte
	for !value.Empty() {
		var piece cryptobyte.String
		if tag != explicit0 || !value.ReadASN1(&piece, der.OCTET_STRING) {
			return nil, false
		}
		all = append(all, piece...)
	}
	return all, true
}

// fail stores the error for the first part that cannot be decrypted, and returns nil, because the other parts may be
// all that is needed. It returns err if no work is left, or if c is strict.
func (c *pfxContents) fail(err error) error {
	if err == nil || c.strict || errors.Is(err, errTooMuchWork) {
		return err
	}
	if c.failure == nil {
		c.failure = err
	}
	return nil
}

// decrypt decrypts a ciphertext and passes the result to use. It stores whether that succeeded, and whether OpenSSL 3
// needs the option -legacy for it.
func (c *pfxContents) decrypt(scheme algorithm, ciphertext []byte, use func(plain []byte) error) error {
	c.legacy = c.legacy || scheme.legacy()
	err := c.opener.decrypt(scheme, ciphertext, use)
	c.opened = c.opened || err == nil
	return err
}

// decrypt decrypts a ciphertext with the encoding of the password that fits, and passes the result to use. A wrong
// encoding may pass the check of the padding, but then the result cannot be parsed.
func (o opener) decrypt(scheme algorithm, ciphertext []byte, use func(plain []byte) error) error {
	list := o.with.text
	if scheme.wide() {
		list = o.with.wide
	}
	for i, password := range list {
		plain, err := scheme.decrypt(ciphertext, password, o.work)
		if errors.Is(err, errWrongPassword) {
			continue
		}
		if err != nil {
			return err
		}
		normal, err := toDER(plain)
		if err != nil || len(normal) == 0 || normal[0] != byte(der.SEQUENCE) {
			continue
		}
		if err := use(normal); err != nil {
			return err
		}
		prefer(list, i)
		return nil
	}
	return errWrongPassword
}

// readBags reads a SafeContents, which may contain other SafeContents. depth is the number of SafeContents around it.
func (c *pfxContents) readBags(normal []byte, depth int) error {
	outer := cryptobyte.String(normal)
	var bags cryptobyte.String
	if depth > maxDepth || !outer.ReadASN1(&bags, der.SEQUENCE) {
		return errMalformed
	}
	for !bags.Empty() {
		var bag, value cryptobyte.String
		var kind asn1.ObjectIdentifier
		// The value is followed by a name and other attributes, which are not needed.
		if !bags.ReadASN1(&bag, der.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&kind) ||
			!bag.ReadASN1(&value, explicit0) {
			return errMalformed
		}
		var err error
		switch kind.String() {
		case oidKeyBag:
			c.keys = append(c.keys, value)
		case oidShroudedKeyBag:
			err = c.fail(c.readShroudedKey(value))
		case oidCertBag:
			err = c.readCertificate(value)
		case oidSafeContentsBag:
			err = c.readBags(value, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *pfxContents) readShroudedKey(value cryptobyte.String) error {
	scheme, ciphertext, err := readEncryptedKey(value)
	if err != nil {
		return err
	}
	return c.decrypt(scheme, ciphertext, func(plain []byte) error {
		c.keys = append(c.keys, plain)
		return nil
	})
}

// readEncryptedKey returns the algorithm and the ciphertext of an EncryptedPrivateKeyInfo (RFC 5958, section 3).
func readEncryptedKey(value cryptobyte.String) (algorithm, []byte, error) {
	var info cryptobyte.String
	var ciphertext []byte
	if !value.ReadASN1(&info, der.SEQUENCE) {
		return algorithm{}, nil, errMalformed
	}
	scheme, err := readAlgorithm(&info)
	if err != nil {
		return algorithm{}, nil, err
	}
	if !info.ReadASN1Bytes(&ciphertext, der.OCTET_STRING) {
		return algorithm{}, nil, errMalformed
	}
	return scheme, ciphertext, nil
}

func (c *pfxContents) readCertificate(value cryptobyte.String) error {
	var bag, content cryptobyte.String
	var kind asn1.ObjectIdentifier
	var certificate []byte
	if !value.ReadASN1(&bag, der.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&kind) ||
		!bag.ReadASN1(&content, explicit0) {
		return errMalformed
	}
	if kind.String() != oidX509Certificate {
		return nil // an SDSI certificate, which nobody uses
	}
	if !content.ReadASN1Bytes(&certificate, der.OCTET_STRING) {
		return errMalformed
	}
	c.certificates = append(c.certificates, certificate)
	return nil
}
