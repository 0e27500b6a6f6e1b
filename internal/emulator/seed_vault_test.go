package emulator

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"software.sslmate.com/src/go-pkcs12"

	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// TestDeployerVault uses the vault like a client: it reads the vault as the machine's managed identity, and logs in as
// the deployer with what it has read.
func TestDeployerVault(t *testing.T) {
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "IMDS_ENDPOINT"} {
		t.Setenv(name, "")
	}
	s := NewScenario()
	server := serveForTest(t, s.Tenant)
	web := behindProxy(t, s.Tenant, server)
	vault := s.NewDeployerVault("kv-ml")
	options := azureOptions(web, azcloud.AzurePublic)
	identity, err := azidentity.NewManagedIdentityCredential(
		&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options,
			ID: azidentity.ClientID(vault.Reader.ClientID)})
	if err != nil {
		t.Fatal(err)
	}
	client, err := azsecrets.NewClient(vault.URL(), identity, &azsecrets.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name, version string) string {
		t.Helper()
		got, err := client.GetSecret(context.Background(), name, version, nil)
		if err != nil {
			t.Fatal(err)
		}
		return *got.Value
	}
	open := func(value, password string) (*rsa.PrivateKey, *x509.Certificate) {
		t.Helper()
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		key, cert, err := pkcs12.Decode(raw, password)
		if err != nil {
			t.Fatal(err)
		}
		return key.(*rsa.PrivateKey), cert
	}
	login := func(key *rsa.PrivateKey, cert *x509.Certificate) error {
		credential, err := confidential.NewCredFromCert([]*x509.Certificate{cert}, key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = msalLogin(t, s.Tenant, server.EntraURL+"/"+read(DeployerTenantIDName, ""),
			read(DeployerClientIDName, ""), credential, databricksScope)
		return err
	}

	if err := login(open(read(DeployerCertificateName, ""), "")); err != nil {
		t.Error(err)
	}
	if err := login(open(read(DeployerPFXName, ""), read(DeployerPasswordName, ""))); err != nil {
		t.Error(err)
	}
	if !strings.Contains(read(DeployerPEMName, ""), "BEGIN PRIVATE KEY") ||
		len(read(DeployerThumbprintName, "")) != 40 || read(DeployerClientSecretName, "") != s.DeployerSecret {
		t.Error("the vault lacks something")
	}

	old := s.DeployerCertificate
	registered := vault.Rotate(true)
	vault.Rotate(false)
	if err := login(open(read(DeployerCertificateName, ""), "")); err == nil ||
		!strings.Contains(err.Error(), "AADSTS700027") {
		t.Errorf("a certificate that is not registered yet: %v", err)
	}
	if err := login(open(read(DeployerCertificateName, registered), "")); err != nil {
		t.Errorf("the version before it: %v", err)
	}
	s.Deployer.RemoveCertificate(old)
	if len(s.Deployer.certificates) != 1 {
		t.Errorf("%d certificates are registered", len(s.Deployer.certificates))
	}
	now := time.Now()
	cert, key := s.IssueDeployerCertificate(now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0))
	if err := login(key, cert); err == nil || !strings.Contains(err.Error(), "The key used is expired") {
		t.Errorf("an expired certificate: %v", err)
	}
}
