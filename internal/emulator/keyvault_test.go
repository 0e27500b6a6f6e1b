package emulator

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"software.sslmate.com/src/go-pkcs12"
)

// vaultWorld is a vault and a real azsecrets client that reaches it through the proxy. The client verifies the resource
// in the vault's challenge.
type vaultWorld struct {
	tenant *Tenant
	vault  *Vault
	app    *App
	client *azsecrets.Client
}

func newVaultWorld(t *testing.T, role string) *vaultWorld {
	t.Helper()
	tenant := NewTenant(TenantOptions{})
	w := &vaultWorld{tenant: tenant, vault: tenant.NewVault("kv-ml"), app: tenant.RegisterApp("reader")}
	if role != "" {
		w.vault.Allow(w.app.ClientID, role)
	}
	w.client = w.clientIn(t, behindProxy(t, tenant, serveForTest(t, tenant)), azcloud.AzurePublic, w.vault.URL())
	return w
}

func (w *vaultWorld) clientIn(
	t *testing.T, client *http.Client, where azcloud.Configuration, address string,
) *azsecrets.Client {
	t.Helper()
	options := azureOptions(client, where)
	credential, err := azidentity.NewClientSecretCredential(w.tenant.ID, w.app.ClientID, w.app.AddSecret(time.Hour),
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := azsecrets.NewClient(address, credential, &azsecrets.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

// checkVaultError checks that the client received an error with this status, this code and this text.
func checkVaultError(t *testing.T, err error, status int, code, text string) {
	t.Helper()
	var refusal *azcore.ResponseError
	if !errors.As(err, &refusal) {
		t.Errorf("%v is no refusal, want %d %s", err, status, code)
		return
	}
	if refusal.StatusCode != status || refusal.ErrorCode != code || !strings.Contains(refusal.Error(), text) {
		t.Errorf("got %d %s, want %d %s %q\n%v", refusal.StatusCode, refusal.ErrorCode, status, code, text, refusal)
	}
}

var hex32 = regexp.MustCompile(`^[0-9a-f]{32}$`)

func ptr[T any](v T) *T { return &v }

func TestVaultWithTheRealClient(t *testing.T) {
	w := newVaultWorld(t, RoleSecretsOfficer)
	ctx := context.Background()
	first := w.vault.SetSecret("sp-password", "one", "text/plain")
	got, err := w.client.GetSecret(ctx, "sp-password", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Value != "one" || *got.ContentType != "text/plain" || got.ID.Version() != first ||
		!hex32.MatchString(first) ||
		string(*got.ID) != "https://kv-ml.vault.azure.net/secrets/sp-password/"+first || !*got.Attributes.Enabled ||
		got.Managed != nil ||
		*got.Attributes.RecoveryLevel != "Recoverable+Purgeable" || *got.Attributes.RecoverableDays != 90 {
		t.Errorf("%+v", got.Secret)
	}
	// The client sends its first request without a token, because the 401 answer says where to get one.
	for i, e := range slices.DeleteFunc(w.tenant.Journal.Entries(), func(e Entry) bool {
		return e.Service != "vault"
	}) {
		if want := []int{401, 200}[i]; e.Status != want || e.Route != "/secrets/{name}/{$}" {
			t.Errorf("request %d: %+v", i, e)
		}
	}

	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	set, err := w.client.SetSecret(ctx, "sp-password", azsecrets.SetSecretParameters{
		Value: ptr("two"), ContentType: ptr("x"), Tags: map[string]*string{"k": ptr("v")},
		SecretAttributes: &azsecrets.SecretAttributes{Expires: &expires},
	}, nil)
	if err != nil || *set.Value != "two" || !set.Attributes.Expires.Equal(expires) || *set.Tags["k"] != "v" ||
		set.ID.Version() == first {
		t.Fatalf("%+v, %v", set.Secret, err)
	}
	for version, want := range map[string]string{"": "two", first: "one", set.ID.Version(): "two"} {
		if got, err := w.client.GetSecret(ctx, "SP-password", version, nil); err != nil || *got.Value != want {
			t.Errorf("version %q: %v", version, err)
		}
	}

	updated, err := w.client.UpdateSecretProperties(ctx, "sp-password", first,
		azsecrets.UpdateSecretPropertiesParameters{
			SecretAttributes: &azsecrets.SecretAttributes{Enabled: ptr(false)},
			Tags:             map[string]*string{"old": ptr("yes")},
		}, nil)
	if err != nil || *updated.Attributes.Enabled || *updated.Tags["old"] != "yes" || updated.Value != nil ||
		*updated.ContentType != "text/plain" {
		t.Errorf("%+v, %v", updated.Secret, err)
	}
	_, err = w.client.GetSecret(ctx, "sp-password", first, nil)
	checkVaultError(t, err, 403, "Forbidden", "SecretDisabled")

	for range 30 {
		w.vault.SetSecret("many", "x", "")
	}
	versions := map[string]bool{}
	pages := 0
	for pager := w.client.NewListSecretPropertiesVersionsPager("many", nil); pager.More(); pages++ {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Value {
			versions[p.ID.Version()] = true
		}
	}
	if pages != 2 || len(versions) != 30 {
		t.Errorf("%d versions on %d pages", len(versions), pages)
	}
	for i := range 26 {
		w.vault.SetSecret(fmt.Sprintf("name-%d", i), "x", "")
	}
	var names []string
	for pager := w.client.NewListSecretPropertiesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Value {
			names = append(names, p.ID.Name())
			if p.ID.Version() != "" {
				t.Errorf("listed with version: %s", *p.ID)
			}
		}
	}
	if slices.Sort(names); len(slices.Compact(names)) != 28 {
		t.Errorf("names %v", names)
	}
}

func TestVaultDeletesSoftly(t *testing.T) {
	w := newVaultWorld(t, RoleSecretsOfficer)
	ctx := context.Background()
	w.vault.SetSecret("token", "dapi", "")
	deleted, err := w.client.DeleteSecret(ctx, "token", nil)
	if err != nil || *deleted.RecoveryID != "https://kv-ml.vault.azure.net/deletedsecrets/token" ||
		deleted.ScheduledPurgeDate.Sub(*deleted.DeletedDate) < 89*24*time.Hour {
		t.Fatalf("%+v, %v", deleted.DeletedSecret, err)
	}
	_, err = w.client.GetSecret(ctx, "token", "", nil)
	checkVaultError(t, err, 404, "SecretNotFound", "If you recently deleted this secret")
	_, err = w.client.SetSecret(ctx, "token", azsecrets.SetSecretParameters{Value: ptr("x")}, nil)
	checkVaultError(t, err, 409, "Conflict", "ObjectIsDeletedButRecoverable")
	if got, err := w.client.GetDeletedSecret(ctx, "token", nil); err != nil || got.Value != nil {
		t.Errorf("%+v, %v", got.DeletedSecret, err)
	}
	page, err := w.client.NewListDeletedSecretPropertiesPager(nil).NextPage(ctx)
	if err != nil || len(page.Value) != 1 {
		t.Errorf("%+v, %v", page.Value, err)
	}
	if _, err := w.client.RecoverDeletedSecret(ctx, "token", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := w.client.GetSecret(ctx, "token", "", nil); err != nil || *got.Value != "dapi" {
		t.Errorf("recovered: %v", err)
	}
	_, err = w.client.PurgeDeletedSecret(ctx, "token", nil)
	checkVaultError(t, err, 404, "SecretNotFound", "A secret with (name/id) token was not found in this key vault")

	if _, err := w.client.DeleteSecret(ctx, "token", nil); err != nil {
		t.Fatal(err)
	}
	w.vault.SetSwitches(VaultSwitches{PurgeProtected: true})
	_, err = w.client.PurgeDeletedSecret(ctx, "token", nil)
	checkVaultError(t, err, 403, "Forbidden", "purge protection")
	w.vault.SetSwitches(VaultSwitches{})
	if _, err := w.client.PurgeDeletedSecret(ctx, "token", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.SetSecret(ctx, "token", azsecrets.SetSecretParameters{Value: ptr("new")}, nil); err != nil {
		t.Errorf("the name is not free after the purge: %v", err)
	}

	w.vault.SetSecret("forgotten", "x", "")
	if _, err := w.client.DeleteSecret(ctx, "forgotten", nil); err != nil {
		t.Fatal(err)
	}
	w.tenant.Clock.Advance(91 * 24 * time.Hour)
	w.vault.SetSecret("forgotten", "y", "") // would panic if the secret were still deleted
}

func TestVaultHoldsCertificates(t *testing.T) {
	w := newVaultWorld(t, RoleSecretsUser)
	ctx := context.Background()
	good, other := goodPair(), otherPair()
	first := w.vault.ImportCertificate("sp-databricks", good.key, good.cert, CertificatePKCS12, other.cert)
	got, err := w.client.GetSecret(ctx, "sp-databricks", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.ContentType != "application/x-pkcs12" || !*got.Managed ||
		string(*got.KID) != "https://kv-ml.vault.azure.net/keys/sp-databricks/"+first ||
		!got.Attributes.Expires.Equal(good.cert.NotAfter) || !got.Attributes.NotBefore.Equal(good.cert.NotBefore) {
		t.Errorf("%+v", got.Secret)
	}
	pfx, err := base64.StdEncoding.DecodeString(*got.Value)
	if err != nil {
		t.Fatal(err)
	}
	key, cert, chain, err := pkcs12.DecodeChain(pfx, "") // the vault has dropped the password of the imported file
	if err != nil || !key.(*rsa.PrivateKey).Equal(good.key) || !cert.Equal(good.cert) || len(chain) != 1 {
		t.Errorf("PFX: %v", err)
	}
	asPEM, err := w.client.GetSecret(ctx, "sp-databricks", "",
		&azsecrets.GetSecretOptions{OutContentType: ptr(azsecrets.ContentType("application/x-pem-file"))})
	if err != nil || !strings.Contains(*asPEM.Value, "BEGIN PRIVATE KEY") || *asPEM.ContentType != CertificatePEM {
		t.Errorf("converted: %v", err)
	}

	second := w.vault.ImportCertificate("sp-databricks", other.key, other.cert, CertificatePEM)
	got, err = w.client.GetSecret(ctx, "sp-databricks", "", nil)
	if err != nil || got.ID.Version() != second || second == first {
		t.Fatalf("re-imported: %+v, %v", got.Secret, err)
	}
	block, rest := pem.Decode([]byte(*got.Value))
	public, _ := pem.Decode(rest)
	if block.Type != "PRIVATE KEY" || public.Type != "CERTIFICATE" || string(public.Bytes) != string(other.cert.Raw) {
		t.Errorf("PEM blocks %s, %s", block.Type, public.Type)
	}
	if got, err := w.client.GetSecret(ctx, "sp-databricks", first, nil); err != nil ||
		*got.ContentType != CertificatePKCS12 {
		t.Errorf("the older version: %v", err)
	}

	w.vault.ImportCertificate("public-only", nil, good.cert, CertificatePEM)
	if got, err := w.client.GetSecret(ctx, "public-only", "", nil); err != nil ||
		strings.Contains(*got.Value, "PRIVATE KEY") {
		t.Errorf("a key that is not exportable: %v", err)
	}
	w.vault.ImportCertificate("public-only", nil, good.cert, CertificatePKCS12)
	got, err = w.client.GetSecret(ctx, "public-only", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	pfx, _ = base64.StdEncoding.DecodeString(*got.Value)
	if certs, err := pkcs12.DecodeTrustStore(pfx, ""); err != nil || len(certs) != 1 {
		t.Errorf("a PFX without key: %v", err)
	}

	w.vault.Allow(w.app.ObjectID, RoleSecretsOfficer)
	_, err = w.client.SetSecret(ctx, "sp-databricks", azsecrets.SetSecretParameters{Value: ptr("x")}, nil)
	checkVaultError(t, err, 403, "Forbidden", "managed by a certificate")
	_, err = w.client.DeleteSecret(ctx, "sp-databricks", nil)
	checkVaultError(t, err, 403, "Forbidden", "managed by a certificate")
}

func TestVaultRights(t *testing.T) {
	w := newVaultWorld(t, "")
	ctx := context.Background()
	w.vault.SetSecret("sp-app-id", "x", "")
	get := func() error { _, err := w.client.GetSecret(ctx, "sp-app-id", "", nil); return err }
	set := func() error {
		_, err := w.client.SetSecret(ctx, "sp-app-id", azsecrets.SetSecretParameters{Value: ptr("y")}, nil)
		return err
	}
	checkVaultError(t, get(), 403, "Forbidden", "ForbiddenByRbac")
	for _, part := range []string{"appid=" + w.app.ClientID, "oid=" + w.app.ObjectID, "iss=https://sts.windows.net/" +
		w.tenant.ID + "/",
		"Microsoft.KeyVault/vaults/secrets/getSecret/action", "vaults/kv-ml/secrets/sp-app-id",
		`DecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: kv-ml;location=westeurope`} {
		checkVaultError(t, get(), 403, "Forbidden", part)
	}

	w.vault.Allow(w.app.ClientID, RoleReader)
	checkVaultError(t, get(), 403, "Forbidden", "ForbiddenByRbac")
	if _, err := w.client.NewListSecretPropertiesPager(nil).NextPage(ctx); err != nil {
		t.Errorf("a reader may list: %v", err)
	}
	w.vault.SetSwitches(VaultSwitches{RoleAssignmentDelay: 5 * time.Minute})
	w.vault.Allow(strings.ToUpper(w.app.ObjectID), RoleSecretsUser)
	checkVaultError(t, get(), 403, "Forbidden", "propagation time")
	w.tenant.Clock.Advance(5 * time.Minute)
	if err := get(); err != nil {
		t.Errorf("after the delay: %v", err)
	}
	checkVaultError(t, set(), 403, "Forbidden", "setSecret/action")
	w.vault.SetSwitches(VaultSwitches{AccessPolicies: true})
	checkVaultError(t, set(), 403, "Forbidden", "does not have secrets set permission on key vault "+
		"'kv-ml;location=westeurope'")
	checkVaultError(t, set(), 403, "Forbidden", "AccessDenied")
	w.vault.SetSwitches(VaultSwitches{Firewall: true})
	checkVaultError(t, get(), 403, "Forbidden", "ForbiddenByFirewall")
	checkVaultError(t, get(), 403, "Forbidden", `Client address: 127.0.0.1`)
	w.vault.SetSwitches(VaultSwitches{})
	w.vault.Revoke(w.app.ObjectID)
	w.vault.Revoke(w.app.ClientID)
	checkVaultError(t, get(), 403, "Forbidden", "ForbiddenByRbac")
}

func TestVaultDates(t *testing.T) {
	w := newVaultWorld(t, RoleSecretsUser)
	ctx := context.Background()
	past, future := expiredPair(), futurePair()
	w.vault.ImportCertificate("past", past.key, past.cert, CertificatePEM)
	w.vault.ImportCertificate("future", future.key, future.cert, CertificatePEM)
	for _, name := range []string{"past", "future"} {
		if _, err := w.client.GetSecret(ctx, name, "", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.vault.SetSwitches(VaultSwitches{RefuseOutsideDates: true})
	_, err := w.client.GetSecret(ctx, "past", "", nil)
	checkVaultError(t, err, 403, "Forbidden", "not allowed on an expired secret")
	_, err = w.client.GetSecret(ctx, "future", "", nil)
	checkVaultError(t, err, 403, "Forbidden", "not yet valid")
	w.vault.SetSwitches(VaultSwitches{})
	w.vault.SetEnabled("past", "", false)
	_, err = w.client.GetSecret(ctx, "past", "", nil)
	checkVaultError(t, err, 403, "Forbidden", "SecretDisabled")
}

func TestVaultInSovereignClouds(t *testing.T) {
	w := newVaultWorld(t, RoleSecretsUser)
	w.vault.SetSecret("s", "value", "")
	client := behindProxy(t, w.tenant, serveForTest(t, w.tenant))
	for address, where := range map[string]azcloud.Configuration{
		"https://kv-ml.vault.usgovcloudapi.net": azcloud.AzureGovernment,
		"https://kv-ml.vault.azure.cn":          azcloud.AzureChina,
	} {
		got, err := w.clientIn(t, client, where, address).GetSecret(context.Background(), "s", "", nil)
		if err != nil || !strings.HasPrefix(string(*got.ID), address+"/secrets/s/") {
			t.Errorf("%s: %+v, %v", address, got.Secret, err)
		}
	}
	// The client also accepts a challenge that names login.windows.net, the older address of Entra ID.
	w.vault.SetSwitches(VaultSwitches{LoginWindowsNet: true})
	if _, err := w.client.GetSecret(context.Background(), "s", "", nil); err != nil {
		t.Errorf("the older authority in the challenge: %v", err)
	}
}
