package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// An authority is the tenant's own certificate authority (RFC 5280). Clients of Entra ID accept only https, so the
// emulated servers need certificates that a test can trust without changing the machine's trust store.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("emulator: generating the authority's key: %v", err))
	}
	template := &x509.Certificate{
		SerialNumber:          serialNumber(),
		Subject:               pkix.Name{CommonName: "dbxaccess emulator CA"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(0, 1, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := signCertificate(template, template, &key.PublicKey, key)
	if err != nil {
		panic(fmt.Sprintf("emulator: signing the authority's certificate: %v", err))
	}
	return &authority{cert: cert, key: key}
}

// CACertificatePEM returns the certificate of the tenant's authority. A client that trusts it accepts the tenant's
// servers.
func (t *Tenant) CACertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: t.ca.cert.Raw})
}

// CAPool returns a pool that holds only the certificate of [Tenant.CACertificatePEM].
func (t *Tenant) CAPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(t.ca.cert)
	return pool
}

// ServerCertificate issues a certificate for a server on this machine. It is valid for 127.0.0.1, ::1, localhost and
// the given names.
func (t *Tenant) ServerCertificate(names ...string) (tls.Certificate, error) {
	return t.ca.issueServer(append([]string{"localhost"}, names...), []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback})
}

// issueServer issues a server certificate that is valid for the given names and addresses.
func (a *authority) issueServer(names []string, addresses []net.IP) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := signCertificate(&x509.Certificate{
		SerialNumber: serialNumber(),
		Subject:      pkix.Name{CommonName: "dbxaccess emulator"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(0, 0, 28),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     names,
		IPAddresses:  addresses,
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// IssueClientCertificate creates a self-signed RSA certificate and its key, such as an application uses to sign client
// assertions. The certificate belongs to no application until [App.AddCertificate] registers it.
func (t *Tenant) IssueClientCertificate(
	commonName string, notBefore, notAfter time.Time,
) (cert *x509.Certificate, key *rsa.PrivateKey, err error) {
	key, err = t.newKey(certificateKeyBits)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serialNumber(),
		Subject:      pkix.Name{CommonName: commonName},
		NotBefore:    notBefore,
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	cert, err = signCertificate(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	return cert, key, nil
}

func signCertificate(template, parent *x509.Certificate, public, signer any) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func serialNumber() *big.Int {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // the documentation of crypto/rand says that Read never fails
	raw[0] &= 0x7f        // RFC 5280 section 4.1.2.2 requires a positive number
	return new(big.Int).SetBytes(raw)
}
