package certificate

import (
	"crypto/hmac"
	"encoding/asn1"
	"errors"
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
	var file pfxValues
	if err := unmarshal(normal, &file); err != nil {
		return nil, err
	}
	if file.AuthSafe.Type.String() == oidSignedData {
		return nil, &unsupportedError{algorithm: "a signature instead of a MAC"}
	}
	p := &pfx{}
	if err := unmarshal(file.AuthSafe.Value.Bytes, &p.safes); err != nil || file.AuthSafe.Type.String() != oidData {
		return nil, errMalformed
	}
	if len(file.MAC.FullBytes) == 0 {
		return p, nil
	}
	var mac macData
	if err := unmarshal(file.MAC.FullBytes, &mac); err != nil {
		return nil, err
	}
	p.mac = &pfxMAC{mac.Digest.Algorithm, mac.Digest.Sum, mac.Salt, 1}
	if len(mac.Rounds.FullBytes) == 0 {
		return p, nil
	}
	if err := unmarshal(mac.Rounds.FullBytes, &p.mac.rounds); err != nil || p.mac.rounds < 0 {
		return nil, errMalformed
	}
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
	if p.mac.id() == oidPBMAC1 {
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
	if m.id() == oidPBMAC1 {
		use, key, err = m.pbmac1(password, work)
	} else {
		var ok bool
		if use, ok = digests[m.id()]; !ok {
			return nil, unsupported(m.id())
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
	var mac derivedScheme
	if err := unmarshal(m.parameters(), &mac); err != nil {
		return digest{}, nil, err
	}
	use, ok := digests[mac.Scheme.id()]
	if !ok {
		return digest{}, nil, unsupported(mac.Scheme.id())
	}
	key, err := mac.Derivation.derive(password, use.new().Size(), work)
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
	var safes []typedValue
	normal, err := toDER(p.safes)
	if err != nil || unmarshal(normal, &safes) != nil {
		return nil, errMalformed
	}
	for _, safe := range safes {
		if err := c.readSafe(safe); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readSafe reads one part of the contents, and decrypts it if needed.
func (c *pfxContents) readSafe(safe typedValue) error {
	switch safe.Type.String() {
	case oidData:
		var plain []byte
		if err := unmarshal(safe.Value.Bytes, &plain); err != nil {
			return err
		}
		normal, err := toDER(plain)
		if err != nil {
			return err
		}
		return c.readBags(normal, 0)
	case oidEncryptedData:
		var data encryptedData
		if err := unmarshal(safe.Value.Bytes, &data); err != nil {
			return err
		}
		ciphertext, err := implicitOctets(data.Content.Ciphertext)
		if err != nil {
			return err
		}
		return c.fail(c.decrypt(data.Content.Algorithm, ciphertext, func(plain []byte) error {
			return c.readBags(plain, 0)
		}))
	case oidEnvelopedData:
		return c.fail(&unsupportedError{algorithm: "encryption to a certificate instead of a password"})
	}
	return nil
}

// implicitOctets returns the content of a value of the ASN.1 type [0] IMPLICIT OCTET STRING. The tag of this type hides
// from toDER that the value is an octet string, so implicitOctets joins the pieces of the string.
func implicitOctets(value asn1.RawValue) (all []byte, err error) {
	if value.Class != asn1.ClassContextSpecific || value.Tag != 0 {
		return nil, errMalformed
	}
	if !value.IsCompound {
		return value.Bytes, nil
	}
	for rest := value.Bytes; len(rest) > 0; {
		var piece []byte
		if rest, err = asn1.Unmarshal(rest, &piece); err != nil {
			return nil, errMalformed
		}
		all = append(all, piece...)
	}
	return all, nil
}

// fail stores the error for the first part that cannot be decrypted, and returns nil, because the other parts may be
// all that is needed. It returns err if c is strict, or if the limit of work for the file is reached (errTooMuchWork).
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
		if err != nil || len(normal) == 0 || normal[0] != sequenceTag {
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
	var bags []typedValue // a bag also has a name and other attributes, which are not needed
	if depth > maxDepth || unmarshal(normal, &bags) != nil {
		return errMalformed
	}
	for _, bag := range bags {
		var err error
		switch bag.Type.String() {
		case oidKeyBag:
			c.keys = append(c.keys, bag.Value.Bytes)
		case oidShroudedKeyBag:
			err = c.fail(c.readShroudedKey(bag.Value.Bytes))
		case oidCertBag:
			err = c.readCertificate(bag.Value.Bytes)
		case oidSafeContentsBag:
			err = c.readBags(bag.Value.Bytes, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *pfxContents) readShroudedKey(value []byte) error {
	var key encryptedKeyInfo
	if err := unmarshal(value, &key); err != nil {
		return err
	}
	return c.decrypt(key.Algorithm, key.Ciphertext, func(plain []byte) error {
		c.keys = append(c.keys, plain)
		return nil
	})
}

func (c *pfxContents) readCertificate(value []byte) error {
	var bag typedValue
	if err := unmarshal(value, &bag); err != nil {
		return err
	}
	if bag.Type.String() != oidX509Certificate {
		return nil // an SDSI certificate, which nobody uses
	}
	var certificate []byte
	if err := unmarshal(bag.Value.Bytes, &certificate); err != nil {
		return err
	}
	c.certificates = append(c.certificates, certificate)
	return nil
}
