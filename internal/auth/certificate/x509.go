package certificate

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// parsedCertificate is a certificate of a bundle. If Go cannot read the certificate, odd is Go's error, and Certificate
// is the result of [readOdd], which may be nil.
type parsedCertificate struct {
	*x509.Certificate
	odd     error
	content []byte // the DER form
}

func (c parsedCertificate) belongsTo(key *rsa.PrivateKey) bool {
	return c.Certificate != nil && key.PublicKey.Equal(c.PublicKey)
}

func parseCertificate(content []byte) parsedCertificate {
	c, err := x509.ParseCertificate(content)
	if err != nil {
		return parsedCertificate{readOdd(content), err, content}
	}
	return parsedCertificate{c, nil, content}
}

// readOdd reads the parts that a login needs of a certificate that Go refuses to read: because of a negative serial
// number, a name with letters that its type does not allow, or a malformed extension. These parts are enough, because
// Microsoft Entra ID only compares a thumbprint and checks a signature. readOdd returns nil if it cannot read them.
func readOdd(content []byte) *x509.Certificate {
	input := cryptobyte.String(content)
	var certificate, body, issuer, subject, publicKey cryptobyte.String
	if !input.ReadASN1(&certificate, der.SEQUENCE) || !input.Empty() || !certificate.ReadASN1(&body, der.SEQUENCE) {
		return nil
	}
	c := &x509.Certificate{Raw: content, SerialNumber: new(big.Int)}
	var serial cryptobyte.String
	if !body.SkipOptionalASN1(explicit0) || !body.ReadASN1Element(&serial, der.INTEGER) || !body.SkipASN1(der.SEQUENCE) ||
		!body.ReadASN1Element(&issuer, der.SEQUENCE) || !readValidity(&body, c) ||
		!body.ReadASN1Element(&subject, der.SEQUENCE) ||
		!body.ReadASN1Element(&publicKey, der.SEQUENCE) {
		return nil
	}
	_ = serial.ReadASN1Integer(c.SerialNumber) // the serial number is only for information
	c.RawIssuer, c.RawSubject, c.RawSubjectPublicKeyInfo = issuer, subject, publicKey
	c.Issuer, c.Subject = readName(issuer), readName(subject)
	if key := readRSA(publicKey); key != nil {
		c.PublicKey, c.PublicKeyAlgorithm = key, x509.RSA
	}
	return c
}

func readValidity(body *cryptobyte.String, c *x509.Certificate) bool {
	var validity cryptobyte.String
	if !body.ReadASN1(&validity, der.SEQUENCE) {
		return false
	}
	for _, at := range []*time.Time{&c.NotBefore, &c.NotAfter} {
		var ok bool
		if validity.PeekASN1Tag(der.UTCTime) {
			ok = validity.ReadASN1UTCTime(at)
		} else {
			ok = validity.ReadASN1GeneralizedTime(at)
		}
		if !ok {
			return false
		}
	}
	return true
}

var oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// readRSA returns an RSA public key, whatever its parameters are; nil if the key is not an RSA key.
func readRSA(publicKey cryptobyte.String) *rsa.PublicKey {
	var info, scheme, numbers cryptobyte.String
	var id asn1.ObjectIdentifier
	var key []byte
	n := new(big.Int)
	var e int
	if !publicKey.ReadASN1(&info, der.SEQUENCE) || !info.ReadASN1(&scheme, der.SEQUENCE) ||
		!scheme.ReadASN1ObjectIdentifier(&id) || !id.Equal(oidRSA) || !info.ReadASN1BitStringAsBytes(&key) {
		return nil
	}
	content := cryptobyte.String(key)
	if !content.ReadASN1(&numbers, der.SEQUENCE) || !numbers.ReadASN1Integer(n) || !numbers.ReadASN1Integer(&e) {
		return nil
	}
	return &rsa.PublicKey{N: n, E: e}
}

// readName returns a distinguished name, as far as the name can be read.
func readName(name cryptobyte.String) pkix.Name {
	var sequence pkix.RDNSequence
	var sets cryptobyte.String
	if !name.ReadASN1(&sets, der.SEQUENCE) {
		return pkix.Name{}
	}
	for !sets.Empty() {
		var set cryptobyte.String
		if !sets.ReadASN1(&set, der.SET) {
			break
		}
		var parts pkix.RelativeDistinguishedNameSET
		for !set.Empty() {
			var part, value cryptobyte.String
			var tag der.Tag
			var kind asn1.ObjectIdentifier
			if !set.ReadASN1(&part, der.SEQUENCE) || !part.ReadASN1ObjectIdentifier(&kind) ||
				!part.ReadAnyASN1(&value, &tag) {
				break
			}
			parts = append(parts, pkix.AttributeTypeAndValue{Type: kind, Value: readText(value, tag)})
		}
		sequence = append(sequence, parts)
	}
	var out pkix.Name
	out.FillFromRDNSequence(&sequence)
	return out
}

// readText returns a string of any ASN.1 type as UTF-8, with U+FFFD in place of bytes that are not text.
func readText(value []byte, tag der.Tag) string {
	const bmpString = der.Tag(30)
	if tag == bmpString && len(value)%2 == 0 {
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
		}
		return string(utf16.Decode(units))
	}
	return strings.ToValidUTF8(string(bytes.TrimRight(value, "\x00")), "\ufffd")
}
