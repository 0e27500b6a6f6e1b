package certificate

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"strings"
	"time"
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

// looseCertificate is a Certificate (RFC 5280, section 4.1). The content of most parts is not decoded.
type looseCertificate struct {
	Body struct {
		Version           asn1.RawValue `asn1:"optional,explicit,tag:0"`
		Serial, Signature asn1.RawValue
		Issuer            asn1.RawValue
		Validity          struct{ NotBefore, NotAfter time.Time }
		Subject           asn1.RawValue
		PublicKey         asn1.RawValue
	}
}

// readOdd reads the parts that a login needs of a certificate that Go refuses to read: because of a negative serial
// number, a name with letters that its type does not allow, or a malformed extension. These parts are enough, because
// Microsoft Entra ID only compares a thumbprint and checks a signature. readOdd returns nil if it cannot read them.
func readOdd(content []byte) *x509.Certificate {
	var read looseCertificate
	if rest, err := asn1.Unmarshal(content, &read); err != nil || len(rest) > 0 {
		return nil
	}
	body := read.Body
	if !isUniversal(body.Serial, asn1.TagInteger) {
		return nil
	}
	for _, part := range []asn1.RawValue{body.Signature, body.Issuer, body.Subject, body.PublicKey} {
		if !isUniversal(part, asn1.TagSequence) {
			return nil
		}
	}
	c := &x509.Certificate{
		Raw:                     content,
		SerialNumber:            new(big.Int),
		RawIssuer:               body.Issuer.FullBytes,
		RawSubject:              body.Subject.FullBytes,
		RawSubjectPublicKeyInfo: body.PublicKey.FullBytes,
		Issuer:                  readName(body.Issuer.FullBytes),
		Subject:                 readName(body.Subject.FullBytes),
		NotBefore:               body.Validity.NotBefore,
		NotAfter:                body.Validity.NotAfter,
	}
	_ = unmarshal(body.Serial.FullBytes, &c.SerialNumber) // the serial number is only for information
	if key := readRSA(body.PublicKey.FullBytes); key != nil {
		c.PublicKey, c.PublicKeyAlgorithm = key, x509.RSA
	}
	return c
}

var oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// readRSA returns an RSA public key, whatever its parameters are; nil if the key is not an RSA key.
func readRSA(publicKey []byte) *rsa.PublicKey {
	var info struct {
		Algorithm algorithm
		Key       asn1.BitString
	}
	if unmarshal(publicKey, &info) != nil || !info.Algorithm.ID.Equal(oidRSA) {
		return nil
	}
	key, err := x509.ParsePKCS1PublicKey(info.Key.Bytes)
	if err != nil {
		return nil
	}
	return key
}

// attributeSET is one part of a distinguished name. Package asn1 reads it as a SET because of its name.
type attributeSET []struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// readName returns a distinguished name, whatever the letters in it are, without the parts that are malformed.
func readName(name []byte) pkix.Name {
	var sequence pkix.RDNSequence
	for rest := firstValueIn(name); len(rest) > 0; {
		var next asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &next); err != nil {
			break
		}
		var set attributeSET
		if unmarshal(next.FullBytes, &set) != nil {
			continue
		}
		var parts pkix.RelativeDistinguishedNameSET
		for _, part := range set {
			parts = append(parts, pkix.AttributeTypeAndValue{Type: part.Type, Value: readText(part.Value)})
		}
		sequence = append(sequence, parts)
	}
	var out pkix.Name
	out.FillFromRDNSequence(&sequence)
	return out
}

// readText returns a string of any ASN.1 type as UTF-8, with U+FFFD in place of bytes that are not text.
func readText(text asn1.RawValue) string {
	value := text.Bytes
	if text.Tag == asn1.TagBMPString && len(value)%2 == 0 {
		return utf16Text(value, binary.BigEndian)
	}
	return strings.ToValidUTF8(string(bytes.TrimRight(value, "\x00")), "\ufffd")
}
