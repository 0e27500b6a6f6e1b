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

// A DeployerVault is a vault that holds, under the names below, everything that a login as the deployer needs. The
// machine has a managed identity that may read the vault.
type DeployerVault struct {
	*Vault
	scenario *Scenario

	// Reader is an application with the role Key Vault Secrets User. It is the only user-assigned identity of the
	// machine, and has a client secret for other ways to log in.
	Reader       *App
	ReaderSecret string
	// Password is the password of the PFX that is stored as a plain secret. The PFX of the certificate object has no
	// password, because a vault does not keep it.
	Password string
}

// The names of the secrets and of the certificate object in a [DeployerVault].
const (
	DeployerCertificateName  = "sp-databricks"   // a certificate object
	DeployerPFXName          = "sp-pfx"          // a plain secret: base64 of a PFX with a password
	DeployerPEMName          = "sp-pem"          // a plain secret: PEM text
	DeployerPasswordName     = "sp-pfx-password" // the password of the PFX
	DeployerClientIDName     = "sp-app-id"
	DeployerTenantIDName     = "sp-tenant-id"
	DeployerThumbprintName   = "sp-thumbprint" // SHA-1 of the certificate
	DeployerClientSecretName = "sp-client-secret"
)

// NewDeployerVault creates a vault that holds the deployer's certificate, its ids and its client secret.
func (s *Scenario) NewDeployerVault(name string) *DeployerVault {
	const year = 365 * 24 * time.Hour
	v := &DeployerVault{Vault: s.Tenant.NewVault(name), scenario: s, Reader: s.Tenant.RegisterApp("vault-reader"),
		Password: rand.Text()}
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

// Store adds a version with this certificate to the certificate object and to each secret that depends on the
// certificate. It returns the new version of the certificate object.
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

// Rotate stores a new certificate of the deployer, as a vault does by itself before the old one expires, and returns
// its version. The deployer can log in with the new certificate only if register is true. The old certificate stays
// registered.
func (v *DeployerVault) Rotate(register bool) (version string) {
	now := time.Now()
	cert, key := v.scenario.issueForDeployer(now.Add(-time.Hour), now.AddDate(1, 0, 0))
	if register {
		v.scenario.Deployer.AddCertificate(cert)
	}
	v.scenario.DeployerCertificate, v.scenario.DeployerKey = cert, key
	return v.Store(key, cert)
}

// IssueDeployerCertificate registers another certificate of the deployer, valid between the two dates. Dates in the
// past make a certificate that has expired.
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
