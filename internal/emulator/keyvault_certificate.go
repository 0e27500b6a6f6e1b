package emulator

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// The content types of a certificate's secret, per "Composition of a certificate"
// in "About Azure Key Vault certificates".
const (
	CertificatePKCS12 = "application/x-pkcs12"
	CertificatePEM    = "application/x-pem-file"
)

// vaultCertificate is a certificate object behind a managed secret.
type vaultCertificate struct {
	key   *rsa.PrivateKey // nil where policy forbids to export it
	cert  *x509.Certificate
	chain []*x509.Certificate
}

// ImportCertificate puts a certificate object into the vault and returns its version; importing the name again adds a
// version. The object is readable as a managed secret of the same name, as base64 of a PFX or as PEM text by its
// content type. Whatever password the imported file had is gone: the service takes it to open the file and does not
// keep it. With a nil key the secret holds the certificate alone, as for a key that policy forbids to export.
func (v *Vault) ImportCertificate(name string, key *rsa.PrivateKey, cert *x509.Certificate, contentType string, chain ...*x509.Certificate) (version string) {
	object := &vaultCertificate{key: key, cert: cert, chain: chain}
	value, err := object.encode(contentType)
	if err != nil {
		panic(fmt.Sprintf("emulator: importing certificate %q: %v", name, err))
	}
	from, to := cert.NotBefore.Unix(), cert.NotAfter.Unix()
	return v.putBehind(name, &secretVersion{value: value, contentType: contentType, notBefore: &from, expires: &to, certificate: object})
}

func (o *vaultCertificate) encode(contentType string) (string, error) {
	switch contentType {
	case CertificatePKCS12:
		// The algorithms are the old ones that every reader of a PFX knows.
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
