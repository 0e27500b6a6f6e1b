package certificate

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

var (
	errMalformed  = errors.New("malformed")
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// go-pkcs12 has sentinels for a wrong password only; these are parts of its
// messages for the rest.
const (
	messageNoMAC    = "no MAC in data"
	messageNoKey    = "private key missing"
	messageNoCert   = "certificate missing"
	messageManyKeys = "exactly one key bag"
	messageCharset  = "UCS-2"
)

// The bounds are well above what current tools choose, at most 600,000 iterations
// of PBKDF2 or scrypt with 16 MiB, and cost seconds at worst.
const (
	maxIterations    = 2_000_000
	maxKeyLength     = 1024
	maxScryptProduct = 4 << 20
)

// parseDER reads a PFX file, and tells apart the other DER files that are given
// in its place.
func parseDER(data []byte, password string, from Origin) (bundle, error) {
	// Whatever follows the outermost value is dropped: editors and shells append
	// a line end to a file, and go-pkcs12 refuses it.
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(data, &outer); err != nil {
		return bundle{}, from.fail("Client certificate is damaged", "%s begins like a PFX or DER file but is cut short or damaged. Was it copied as text?", from.Bundle)
	}
	if err := notPFX(outer, from); err != nil {
		return bundle{}, err
	}
	if tooCostly(outer.FullBytes) {
		return bundle{}, excessiveKDF(from)
	}

	key, certificates, err := decodePFX(outer.FullBytes, password)
	emptyTried := false
	if password != "" && (errors.Is(err, pkcs12.ErrIncorrectPassword) || mentions(err, messageNoMAC)) {
		emptyTried = true
		if k, c, again := decodePFX(outer.FullBytes, ""); again == nil || !errors.Is(again, pkcs12.ErrIncorrectPassword) {
			key, certificates, err = k, c, again
		}
	}
	if err != nil {
		return bundle{}, pfxError(err, password, from)
	}
	rsaKey, err := rsaKey(key, from)
	if err != nil {
		return bundle{}, err
	}
	return bundle{certificates: certificates, key: rsaKey, unusedPassword: emptyTried}, nil
}

// decodePFX reads key and certificates. go-pkcs12 takes the first certificate for
// the leaf; which one is, is decided later, by the key.
func decodePFX(der []byte, password string) (key crypto.PrivateKey, certificates []*x509.Certificate, err error) {
	err = guarded(func() error {
		k, first, rest, err := pkcs12.DecodeChain(der, password)
		if err == nil {
			key, certificates = k, append([]*x509.Certificate{first}, rest...)
		}
		return err
	})
	return key, certificates, err
}

// notPFX recognises the other things in DER form.
func notPFX(outer asn1.RawValue, from Origin) error {
	if _, err := x509.ParseCertificate(outer.FullBytes); err == nil {
		return onlyCertificates(from, "a single certificate")
	}
	var first asn1.RawValue
	if _, err := asn1.Unmarshal(outer.Bytes, &first); err != nil {
		return nil
	}
	var id asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(first.FullBytes, &id); err == nil && id.Equal(oidSignedData) {
		return onlyCertificates(from, "a PKCS#7 bundle (.p7b)")
	}
	var version int
	if _, err := asn1.Unmarshal(first.FullBytes, &version); err == nil && (version == 0 || version == 1) {
		return noCertificate(from)
	}
	return nil
}

func mentions(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// pfxError says what a failure to open a PFX means. Except for the names of
// unsupported algorithms the library's words are dropped: they are about ASN.1.
func pfxError(err error, password string, from Origin) error {
	var unsupported pkcs12.NotImplementedError
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && password == "":
		return needsPassword(from)
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return from.failPassword("Client certificate password is wrong", "%s could not be opened with %s (also tried an empty one). Check with: openssl pkcs12 -info -noout -in %s",
			from.Bundle, from.password(), from.File)
	case mentions(err, messageCharset):
		return from.failPassword("Client certificate password cannot be encoded", "A PFX password has characters of the Basic Multilingual Plane only; %s has others. Export %s again with another password.", from.password(), from.File)
	case mentions(err, messageNoKey):
		return onlyCertificates(from, "a PFX without a key")
	case mentions(err, messageNoCert):
		return noCertificate(from)
	case mentions(err, messageManyKeys):
		return from.fail("Client certificate has several private keys", "%s has more than one private key; export the one that belongs to the certificate.", from.Bundle)
	case errors.As(err, &unsupported):
		return from.fail("Client certificate uses an unsupported encryption",
			"%s cannot be opened (%s). Export it again, run: openssl pkcs12 -in %s -nodes | openssl pkcs12 -export -out new.pfx", from.Bundle, string(unsupported), from.File)
	}
	return from.fail("Client certificate is damaged",
		"%s begins like a PFX file but cannot be read; an encrypted PFX without a MAC is one that cannot. Check with: openssl pkcs12 -info -noout -in %s. "+
			"Export it again, run: openssl pkcs12 -in %s -nodes | openssl pkcs12 -export -out new.pfx", from.Bundle, from.File, from.File)
}

// tooCostly looks for key derivation parameters that would keep the provider busy
// for minutes or take its memory: a damaged count is not told apart from a large
// one by those who obey it. In PKCS#5 and PKCS#12 alike (RFC 8018, RFC 7292, RFC
// 7914) the cost is in the integers that follow the salt, an OCTET STRING.
func tooCostly(der []byte) bool { return costly(der, 0) }

func costly(der []byte, depth int) bool {
	const maxDepth = 24
	var saltBefore bool
	var costs []int64
	for len(der) > 0 && depth < maxDepth {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return false
		}
		der = rest
		isInteger := v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger
		if isInteger && saltBefore {
			var n int64
			if _, err := asn1.Unmarshal(v.FullBytes, &n); err != nil || n < 0 {
				return true
			}
			costs = append(costs, n)
			continue
		}
		saltBefore = v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString
		// A PFX nests its parts as DER inside of octet strings.
		nested := v.IsCompound || saltBefore && isSequence(v.Bytes)
		if nested && costly(v.Bytes, depth+1) {
			return true
		}
	}
	return exceeds(costs)
}

// isSequence tells whether the bytes are one SEQUENCE and nothing else; random
// bytes of a salt or a ciphertext are not.
func isSequence(der []byte) bool {
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(der, &v)
	return err == nil && len(rest) == 0 && v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSequence
}

// exceeds judges iterations and key length (PBKDF2, PKCS#12), or cost, block
// size, parallelisation and key length (scrypt).
func exceeds(costs []int64) bool {
	for _, n := range costs {
		if n > maxIterations {
			return true
		}
	}
	switch {
	case len(costs) == 2:
		return costs[1] > maxKeyLength
	case len(costs) > 2:
		product := int64(1)
		for _, n := range costs[:3] {
			if product *= max(n, 1); product > maxScryptProduct {
				return true
			}
		}
	}
	return false
}

func excessiveKDF(from Origin) error {
	return from.fail("Client certificate asks for too much work",
		"%s derives its key with parameters far beyond what tools choose; it may be damaged. Export it again, run: openssl pkcs12 -in %s -nodes | openssl pkcs12 -export -out new.pfx", from.Bundle, from.File)
}
