package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// A DeployerVault is a vault with all that it takes to log in as the deployer, by
// the names below, and a managed identity of the machine that may read it.
type DeployerVault struct {
	*Vault
	scenario *Scenario

	// Reader has the role Key Vault Secrets User; it is the machine's only
	// user-assigned identity, and has a secret for other ways to log in.
	Reader       *App
	ReaderSecret string
	// Password is that of the PFX stored as a plain secret. The certificate object
	// has none: the vault drops it.
	Password string
}

// The names in a [DeployerVault].
const (
	DeployerCertificateName  = "sp-databricks"   // certificate object
	DeployerPFXName          = "sp-pfx"          // plain secret: base64 of a PFX with password
	DeployerPEMName          = "sp-pem"          // plain secret: PEM text
	DeployerPasswordName     = "sp-pfx-password" // the PFX's
	DeployerClientIDName     = "sp-app-id"
	DeployerTenantIDName     = "sp-tenant-id"
	DeployerThumbprintName   = "sp-thumbprint" // SHA-1
	DeployerClientSecretName = "sp-client-secret"
)

// NewDeployerVault fills a new vault with the deployer's certificate.
func (s *Scenario) NewDeployerVault(name string) *DeployerVault {
	const year = 365 * 24 * time.Hour
	v := &DeployerVault{Vault: s.Tenant.NewVault(name), scenario: s, Reader: s.Tenant.RegisterApp("vault-reader"), Password: rand.Text()}
	v.ReaderSecret = v.Reader.AddSecret(year)
	v.Allow(v.Reader.ClientID, RoleSecretsUser)
	s.Tenant.AssignManagedIdentity(v.Reader, false)
	v.SetSecret(DeployerClientIDName, s.Deployer.ClientID, "text/plain")
	v.SetSecret(DeployerTenantIDName, s.Tenant.ID, "text/plain")
	v.SetSecret(DeployerClientSecretName, s.DeployerSecret, "text/plain")
	v.SetSecret(DeployerPasswordName, v.Password, "text/plain")
	v.Store(s.DeployerKey, s.DeployerCertificate)
	return v
}

// Store adds a version with another certificate to everything that holds one, and returns the version of the
// certificate object.
func (v *DeployerVault) Store(key *rsa.PrivateKey, cert *x509.Certificate) (version string) {
	pfx, err := pkcs12.Modern.Encode(key, cert, nil, v.Password)
	if err != nil {
		panic(fmt.Sprintf("emulator: encoding a PFX: %v", err))
	}
	text, err := (&vaultCertificate{key: key, cert: cert}).encode(CertificatePEM)
	if err != nil {
		panic(fmt.Sprintf("emulator: encoding a PEM: %v", err))
	}
	v.SetSecret(DeployerPFXName, base64.StdEncoding.EncodeToString(pfx), CertificatePKCS12)
	v.SetSecret(DeployerPEMName, text, CertificatePEM)
	v.SetSecret(DeployerThumbprintName, fmt.Sprintf("%X", sha1.Sum(cert.Raw)), "text/plain")
	return v.ImportCertificate(DeployerCertificateName, key, cert, CertificatePKCS12)
}

// Rotate stores a new certificate of the deployer's, as the vault does by itself before the old one expires, and
// returns its version. Only if it is registered can the deployer log in with it; the old one stays registered.
func (v *DeployerVault) Rotate(register bool) (version string) {
	now := time.Now()
	cert, key := v.scenario.issueForDeployer(now.Add(-time.Hour), now.AddDate(1, 0, 0))
	if register {
		v.scenario.Deployer.AddCertificate(cert)
	}
	v.scenario.DeployerCertificate, v.scenario.DeployerKey = cert, key
	return v.Store(key, cert)
}

// IssueDeployerCertificate registers one more certificate on the deployer, valid between two dates: one in the past,
// for a login that comes too late.
func (s *Scenario) IssueDeployerCertificate(notBefore, notAfter time.Time) (*x509.Certificate, *rsa.PrivateKey) {
	cert, key := s.issueForDeployer(notBefore, notAfter)
	s.Deployer.AddCertificate(cert)
	return cert, key
}

func (s *Scenario) issueForDeployer(notBefore, notAfter time.Time) (*x509.Certificate, *rsa.PrivateKey) {
	cert, key, err := s.Tenant.IssueClientCertificate("deployer", notBefore, notAfter)
	if err != nil {
		panic(fmt.Sprintf("emulator: issuing a certificate for the deployer: %v", err))
	}
	return cert, key
}
