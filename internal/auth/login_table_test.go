package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// TestLoginTable checks the errors for the error responses of Microsoft Entra ID, from the emulated service to the
// error of a complete login: its summary, the attribute that it points at, and that it contains Microsoft's own text
// and ids. Other failures of a login have their own tests: hosts that cannot be reached in entra_retry_test.go, managed
// identities and the Azure CLI in machine_test.go, Key Vault in keyvault_test.go and challenge_test.go, pipelines in
// federation_test.go, and the workspace in dialects_test.go and errors_test.go of its client.
func TestLoginTable(t *testing.T) {
	t.Parallel()
	const (
		certificateLogin = "client_certificate"
		secretLogin      = "client_secret"
		federatedLogin   = "oidc_token"
	)
	for _, row := range []struct {
		login   string
		status  int
		code    int
		words   string
		summary string
		points  string
		says    string
	}{
		{certificateLogin, 401, 700027, "[Reason - The key was not found.]", "Client certificate is not registered", certificateLogin, "upload the certificate without its private key"},
		{certificateLogin, 401, 700027, "[Reason - The key used is expired.]", "Registered client certificate has expired", certificateLogin, "Upload a new certificate"},
		{certificateLogin, 401, 700027, "Client assertion contains an invalid signature.", "Client certificate signature is refused", certificateLogin, "does not belong"},
		{certificateLogin, 401, 700024, "Client assertion is not within its valid time range.", "Client assertion " +
			"has expired or is not yet valid", certificateLogin, "clock of this machine"},
		{certificateLogin, 401, 700030, "Invalid certificate.", "Client certificate subject is not trusted", certificateLogin, "client_certificate_send_chain = true"},
		{certificateLogin, 400, 50012, "Authentication failed.", "Client assertion is refused", certificateLogin, "Compare the certificate with"},
		{certificateLogin, 400, 50027, "InvalidJwtToken.", "Client assertion is refused", certificateLogin, "Compare the certificate with"},
		{certificateLogin, 401, 7000218, "The request body must contain client_assertion or client_secret.", "Application accepts no credential", "client_id", "public client"},
		{certificateLogin, 401, 700025, "Client is public.", "Application accepts no credential", "client_id", "public client"},
		{secretLogin, 401, 7000215, "Invalid client secret provided.", "Client secret is wrong", secretLogin, "Value, not its Secret ID"},
		{secretLogin, 401, 7000222, "The provided client secret keys are expired.", "Client secret has expired", secretLogin, "client certificate"},
		{secretLogin, 400, 700016, "Application with identifier was not found in the directory.", "Application not found in the tenant", "client_id", "not the object ID"},
		{secretLogin, 400, 70001, "Application is not found.", "Application not found in the tenant", "client_id", "not the object ID"},
		{secretLogin, 400, 700011, "UnauthorizedClientApplicationNotFoundInOrgIdTenant.", "Application not found in the tenant", "client_id", "home tenant"},
		{secretLogin, 400, 7000229, "Missing service principal.", "Application has no service principal", "client_id", "az ad sp create"},
		{secretLogin, 401, 7000112, "Application is disabled.", "Application is disabled", "client_id", "Enterprise applications"},
		{secretLogin, 400, 90002, "Tenant not found.", "Tenant not found", "tenant_id", "set environment"},
		{secretLogin, 400, 90038, "Tenant is in another cloud.", "Tenant not found", "tenant_id", "set environment"},
		{secretLogin, 400, 900023, "Specified tenant identifier is neither a valid DNS name.", "Tenant name is malformed", "tenant_id", "Check tenant_id"},
		{secretLogin, 400, 500011, "The resource principal was not found.", "Resource not found in the tenant", "tenant_id", "Azure Databricks"},
		{secretLogin, 400, 70011, "The provided value for scope is not valid.", "Scope is refused", "", "report it"},
		{secretLogin, 400, 700022, "Multiple resources.", "Scope is refused", "", "report it"},
		{secretLogin, 400, 50049, "Unknown or invalid instance.", "Login host is unknown to Microsoft", "tenant_id", "authority_host"},
		{secretLogin, 400, 53003, "Access has been blocked by Conditional Access policies.", "Conditional Access blocks the login", "", "administrator"},
		{certificateLogin, 400, 530032, "Blocked by security policy.", "Conditional Access blocks the login", "", "administrator"},
		{certificateLogin, 400, 530033, "Blocked by security policy.", "Conditional Access blocks the login", "", "administrator"},
		{certificateLogin, 400, 530034, "Blocked by security policy.", "Conditional Access blocks the login", "", "administrator"},
		{certificateLogin, 400, 530035, "Access blocked by security defaults.", "Conditional Access blocks the login", "", "administrator"},
		{federatedLogin, 401, 700211, "No matching federated identity record found for issuer.", "OIDC issuer is not trusted", federatedLogin, "issuer (iss)"},
		{federatedLogin, 401, 700212, "No matching federated identity record found for audience.", "OIDC audience does not match", federatedLogin, "audience (aud)"},
		{federatedLogin, 401, 700213, "No matching federated identity record found for subject.", "OIDC subject does not match", federatedLogin, "subject (sub)"},
		{federatedLogin, 400, 70021, "No matching federated identity record found.", "No federated credential matches", federatedLogin, "Federated credentials"},
		{federatedLogin, 401, 700024, "Client assertion is not within its valid time range.", "Client assertion has " +
			"expired or is not yet valid", federatedLogin, "fixed oidc_token"},
		{federatedLogin, 400, 50013, "Assertion failed signature validation.", "Client assertion is refused", federatedLogin, "refused the form or the signature of the OIDC token"},
		{federatedLogin, 400, 90061, "Request to external OIDC endpoint failed.", "OIDC issuer cannot be reached", "", "openid-configuration"},
		{secretLogin, 400, 90033, "A transient error has occurred.", "Microsoft Entra ID is unavailable", "", "run Terraform again later"},
		{secretLogin, 400, 90006, "External server is temporarily unavailable.", "Microsoft Entra ID is unavailable", "", "run Terraform again later"},
		{secretLogin, 400, 90024, "The request budget was exceeded.", "Microsoft Entra ID is unavailable", "", "run Terraform again later"},
		{secretLogin, 429, 90055, "The server is terminating a request due to excessive request rate.", "Microsoft Entra ID is unavailable", "", "throttling"},
		{secretLogin, 503, 50000, "There was an error issuing a token.", "Microsoft Entra ID is unavailable", "", "run Terraform again later"},
		{secretLogin, 400, 999999, "Something new.", "Microsoft Entra ID refused the login", "", "status 400"},
	} {
		t.Run(strconv.Itoa(row.code)+" "+row.login, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(t)
			app := d.RegisterApp("sp")
			s := d.settings(app.ClientID)
			switch row.login {
			case certificateLogin:
				c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
				app.AddCertificate(c.Leaf())
				s.Certificate = hcl("client_certificate", string(pemOf(t, c)))
			case secretLogin:
				s.ClientSecret = hcl("client_secret", app.AddSecret(time.Hour))
			case federatedLogin:
				issuer := d.NewOIDCIssuer("https://issuer.example/x")
				app.AddFederatedCredential(issuer.URL(), jobSubject, federationAudience)
				s.UseOIDC, s.OIDCToken = useOIDC, hcl("oidc_token", issuer.Token(jobSubject, federationAudience,
					time.Hour))
			}
			d.Faults.Add(emulator.Fault{
				Service: "entra", Method: http.MethodPost, Path: "/*/oauth2/v2.0/token", Times: -1,
				Status: row.status, Code: strconv.Itoa(row.code), Message: row.words,
			})
			o := d.options()
			o.RetryTimeout = time.Second
			_, err := d.open(t, s, o).AccessToken(t.Context(), DatabricksScope)
			e := wantError(t, err, row.summary, row.says, "AADSTS"+strconv.Itoa(row.code),
				strings.TrimSuffix(row.words, "."), "Correlation ID: ", "Tenant: "+d.ID, "Client ID: "+app.ClientID)
			if e.Code != row.code || e.Attribute != row.points || e.CorrelationID == "" {
				t.Errorf("code %d, attribute %q, correlation id %q", e.Code, e.Attribute, e.CorrelationID)
			}
		})
	}
}

// TestLoginWithUnreadableCertificate checks that a certificate logs in that Go refuses to read because of its negative
// serial number.
func TestLoginWithUnreadableCertificate(t *testing.T) {
	t.Parallel()
	key := sharedKey()
	serial := []byte{0x5a, 0x5a, 0x5a, 0x5a, 0x01}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: "odd"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	content = bytes.ReplaceAll(content, serial, append([]byte{0xda}, serial[1:]...))
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	for _, sendChain := range []bool{false, true} {
		d := newDirectory(t)
		app := d.RegisterApp("sp")
		s := d.settings(app.ClientID)
		s.Certificate, s.SendChain = hcl("client_certificate", string(text)), sendChain
		l := d.open(t, s, d.options())
		if _, err := l.AccessToken(t.Context(), DatabricksScope); err == nil {
			t.Fatal("it is not registered yet")
		}
		app.AddCertificate(l.Identity().Certificate.Leaf())
		token, err := l.AccessToken(t.Context(), DatabricksScope)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.VerifyAccessToken(token.Value); err != nil {
			t.Error(err)
		}
	}
}
