package emulator

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// The content types of the secret that belongs to a certificate, according to "Composition of a certificate" in "About
// Azure Key Vault certificates".
const (
	CertificatePKCS12 = "application/x-pkcs12"
	CertificatePEM    = "application/x-pem-file"
)

// vaultCertificate is a certificate object in a vault. The vault shows it as a secret of the same name.
type vaultCertificate struct {
	key   *rsa.PrivateKey // nil if the policy of the certificate forbids the export of the key
	cert  *x509.Certificate
	chain []*x509.Certificate
}

// ImportCertificate adds a certificate object to the vault and returns its version. If the name exists, it adds a
// version. The certificate can be read as a secret of the same name: base64 of a PFX, or PEM text, depending on
// contentType. The PFX has no password, because Azure uses the password of an imported file only to open it. If key is
// nil, the secret contains only certificates, as if the policy forbids the export of the key.
func (v *Vault) ImportCertificate(
	name string, key *rsa.PrivateKey, cert *x509.Certificate, contentType string, chain ...*x509.Certificate,
) (version string) {
	object := &vaultCertificate{key: key, cert: cert, chain: chain}
	value, err := object.encode(contentType)
	if err != nil {
		panic(fmt.Sprintf("emulator: importing certificate %q: %v", name, err))
	}
	from, to := cert.NotBefore.Unix(), cert.NotAfter.Unix()
	return v.putBehind(name, &secretVersion{value: value, contentType: contentType, notBefore: &from, expires: &to,
		certificate: object})
}

func (o *vaultCertificate) encode(contentType string) (string, error) {
	switch contentType {
	case CertificatePKCS12:
		// LegacyDES uses old algorithms that every reader of a PFX supports.
		var pfx []byte
		var err error
		if o.key == nil {
			pfx, err = pkcs12.LegacyDES.EncodeTrustStore(append([]*x509.Certificate{o.cert}, o.chain...), "")
		} else {
			pfx, err = pkcs12.LegacyDES.Encode(o.key, o.cert, o.chain, "")
		}
		return base64.StdEncoding.EncodeToString(pfx), err
	case CertificatePEM:
		var text []byte
		if o.key != nil {
			der, err := x509.MarshalPKCS8PrivateKey(o.key)
			if err != nil {
				return "", err
			}
			text = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		}
		for _, cert := range append([]*x509.Certificate{o.cert}, o.chain...) {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
		}
		return string(text), nil
	}
	return "", fmt.Errorf("there is no content type %q for a certificate", contentType)
}
