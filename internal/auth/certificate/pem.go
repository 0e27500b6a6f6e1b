package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/youmark/pkcs8"
)

// oidRSAPSS is the DER form of id-RSASSA-PSS (RFC 4055), a kind of key that Go does
// not read.
var oidRSAPSS = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}

// parsePEM reads certificates and the one private key from PEM text (RFC 7468),
// in any order.
func parsePEM(data []byte, password string, from Origin) (bundle, error) {
	var b bundle
	var blocks, keys int
	encrypted := false
	for rest := data; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		blocks++
		switch {
		case strings.HasSuffix(block.Type, "CERTIFICATE"):
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return bundle{}, from.fail("Client certificate cannot be read", "%s has a CERTIFICATE block that is not a valid X.509 certificate.", from.Bundle)
			}
			b.certificates = append(b.certificates, certificate)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			keys++
			encrypted = encrypted || block.Type == "ENCRYPTED PRIVATE KEY"
			key, err := pemKey(block, password, from)
			if err != nil {
				return bundle{}, err
			}
			b.key = key
		case block.Type == "PKCS7" || block.Type == "CMS":
			return bundle{}, onlyCertificates(from, "a PKCS#7 bundle (.p7b)")
		}
	}
	switch {
	case blocks == 0:
		return bundle{}, brokenPEM(data, from)
	case keys > 1:
		return bundle{}, from.fail("Client certificate has several private keys", "%s has %d private keys; keep the one that belongs to the certificate.", from.Bundle, keys)
	case keys == 0 && len(b.certificates) > 0:
		return bundle{}, onlyCertificates(from, "PEM certificates")
	case len(b.certificates) == 0 && keys > 0:
		return bundle{}, noCertificate(from)
	case keys == 0:
		return bundle{}, from.fail("Client certificate is in an unknown format", "%s is PEM text without a certificate and without a private key.", from.Bundle)
	}
	b.unusedPassword = password != "" && !encrypted
	return b, nil
}

func pemKey(block *pem.Block, password string, from Origin) (*rsa.PrivateKey, error) {
	if block.Headers["DEK-Info"] != "" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, from.fail("Encrypted PEM in an obsolete format",
			"%s has a private key encrypted as in RFC 1423 (DEK-Info), which does not protect it well. Convert it, run: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.key -out new.key", from.Bundle)
	}
	switch block.Type {
	case "ENCRYPTED PRIVATE KEY":
		return encryptedKey(block.Bytes, password, from)
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, badKey(from)
		}
		return key, nil
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil && bytes.Contains(block.Bytes, oidRSAPSS) {
			return nil, notRSA(from, "a key that is marked for RSA-PSS alone")
		}
		if err != nil {
			return nil, badKey(from)
		}
		return rsaKey(key, from)
	case "EC PRIVATE KEY":
		return nil, notRSA(from, "an EC key")
	case "OPENSSH PRIVATE KEY":
		return nil, from.fail("Client certificate key is in the format of OpenSSH",
			"%s has a private key as OpenSSH writes it. Convert it in place, run: ssh-keygen -p -m PKCS8 -f old.key", from.Bundle)
	}
	return nil, from.fail("Client certificate key is in an unknown format",
		"%s has a private key that is not PKCS#8 or PKCS#1. Convert it, run: openssl pkey -in old.key -out new.key", from.Bundle)
}

// encryptedKey opens a PKCS#8 key. Anything that goes wrong after the parameters
// were understood looks like a wrong password, because a wrong password looks
// like anything.
func encryptedKey(der []byte, password string, from Origin) (*rsa.PrivateKey, error) {
	if password == "" {
		return nil, needsPassword(from)
	}
	if tooCostly(der) {
		return nil, excessiveKDF(from)
	}
	var key crypto.PrivateKey
	err := guarded(func() (err error) {
		key, _, err = pkcs8.ParsePrivateKey(der, []byte(password))
		return err
	})
	switch {
	case err == nil:
		return rsaKey(key, from)
	case strings.Contains(err.Error(), "unsupported") || strings.Contains(err.Error(), "supported") || strings.Contains(err.Error(), "invalid"):
		return nil, from.fail("Client certificate uses an unsupported encryption",
			"%s has a private key in an encryption that is not supported here. Convert it, run: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.key -out new.key", from.Bundle)
	}
	return nil, from.failPassword("Client certificate password is wrong", "%s could not be opened with %s. Check with: openssl pkey -noout -in %s", from.Bundle, from.password(), from.File)
}

func rsaKey(key crypto.PrivateKey, from Origin) (*rsa.PrivateKey, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return key, nil
	case *ecdsa.PrivateKey:
		return nil, notRSA(from, "an EC key")
	case ed25519.PrivateKey:
		return nil, notRSA(from, "an Ed25519 key")
	}
	return nil, notRSA(from, "a key of another kind")
}

// guarded turns a panic in a parser of untrusted input into an error. The
// panic's value is dropped: it may quote what was being parsed.
func guarded(parse func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errMalformed
		}
	}()
	return parse()
}

func brokenPEM(data []byte, from Origin) error {
	hint := "Its line breaks may have been lost on the way: each PEM line must stand on its own."
	if bytes.Contains(data, []byte(`\n`)) {
		hint = `It holds the two characters \n where line breaks should be; use file() or a heredoc, or give it in base64.`
	}
	return from.fail("Client certificate is broken PEM", "%s looks like PEM, but no block of it can be read. %s", from.Bundle, hint)
}

func badKey(from Origin) error {
	return from.fail("Client certificate key cannot be read", "%s has a private key that cannot be read. Check with: openssl pkey -noout -check -in %s", from.Bundle, from.File)
}

func notRSA(from Origin, what string) error {
	return from.fail("Client certificate key is not RSA", "%s has %s. Certificates that log in to Microsoft Entra ID must use RSA here; create one, for example with: %s", from.Bundle, what, recreateRSA)
}

func needsPassword(from Origin) error {
	return from.fail("Client certificate needs a password", "%s is protected by a password; set %s.", from.Bundle, from.password())
}

func onlyCertificates(from Origin, what string) error {
	return from.fail(SummaryNoKey,
		"%s is %s and contains only the public certificate (.cer). Microsoft Entra ID holds that half; here the PFX, or a PEM with the key, is needed.", from.Bundle, what)
}

func noCertificate(from Origin) error {
	return from.fail("Client certificate is missing beside its key",
		"%s has a private key but no certificate. Put both into one file, for example with: cat cert.pem key.pem > sp.pem", from.Bundle)
}
