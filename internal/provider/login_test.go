package provider_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const whoAmI = `
terraform {
  required_providers {
    dbxaccess = { source = "dbxaccess/dbxaccess" }
  }
}
provider "dbxaccess" {
  # BLOCK
}
data "dbxaccess_current_identity" "me" {}
`

// A failed login is one clear error that names the next step and contains no secret.
func TestBadLogins(t *testing.T) {
	t.Parallel()
	issue := func(t *testing.T, w *acctest.World, from, to time.Time) (*x509.Certificate, *rsa.PrivateKey) {
		t.Helper()
		cert, key, err := w.Tenant.IssueClientCertificate("other", from, to)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		block   string
		world   func(*testing.T, *acctest.World)
		says    []string
		offline bool // the error needs no request
	}{
		"wrong PFX password": {
			world:   func(_ *testing.T, w *acctest.World) { w.Env["ARM_CLIENT_CERTIFICATE_PASSWORD"] = "wrong-horse" },
			says:    []string{"Client certificate password is wrong", "deployer.pfx", "openssl pkcs12 -info"},
			offline: true,
		},
		"PEM without a key": {
			world: func(t *testing.T, w *acctest.World) {
				only := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.DeployerCertificate.Raw})
				w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = w.Write(t, "cert.pem", only)
			},
			says: []string{"no private key", "the PFX, or a PEM with the private key"}, offline: true,
		},
		"key of another certificate": {
			world: func(t *testing.T, w *acctest.World) {
				cert, _ := issue(t, w, time.Now().Add(-day), time.Now().Add(90*day))
				w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = w.Write(t, "mixed.pem", acctest.PEM(t, w.DeployerKey, cert))
			},
			says: []string{"do not match", "mixed.pem"}, offline: true,
		},
		"expired certificate": {
			world: func(t *testing.T, w *acctest.World) {
				cert, key := issue(t, w, time.Now().Add(-90*day), time.Now().Add(-20*day))
				w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = w.Write(t, "old.pem", acctest.PEM(t, key, cert))
			},
			says: []string{"Client certificate expired", "20 days ago", "Certificates & secrets"}, offline: true,
		},
		"certificate of tomorrow": {
			world: func(t *testing.T, w *acctest.World) {
				cert, key := issue(t, w, time.Now().Add(2*day), time.Now().Add(90*day))
				w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = w.Write(t, "early.pem", acctest.PEM(t, key, cert))
			},
			says: []string{"Client certificate is not yet valid", "clock"}, offline: true,
		},
		"thumbprint mismatch": {
			block: `client_certificate_thumbprint = "A1:B2:C3:D4:E5:F6:A7:B8:C9:D0:E1:F2:A3:B4:C5:D6:E7:F8:A9:B0"`,
			world: func(*testing.T, *acctest.World) {},
			says:  []string{"Thumbprint mismatch", "The expected thumbprint is A1B2C3", "SHA-256"}, offline: true,
		},
		"thumbprint without a certificate": {
			block: `client_certificate_thumbprint = "A1:B2:C3:D4:E5:F6:A7:B8:C9:D0:E1:F2:A3:B4:C5:D6:E7:F8:A9:B0"`,
			world: func(_ *testing.T, w *acctest.World) { delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH") },
			says:  []string{"Certificate setting without a certificate"}, offline: true,
		},
		"wrong password written in the block": {
			block: `client_certificate_password = "wrong-horse"`,
			world: func(*testing.T, *acctest.World) {},
			says:  []string{"Client certificate password is wrong", "client_certificate_password"}, offline: true,
		},
		"two kinds in the block": {
			block:   "client_secret = \"s3cr3t-value\"\n  token = \"dapi0123\"",
			world:   func(*testing.T, *acctest.World) {},
			says:    []string{"Conflicting Azure credentials", "client_secret and token", "Remove one of them"},
			offline: true,
		},
		"none": {
			world:   func(_ *testing.T, w *acctest.World) { delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH") },
			says:    []string{"Missing Azure credentials", "ARM_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_SECRET"},
			offline: true,
		},
		"client id that is a name": {
			block: `client_id = "my-app"`,
			world: func(*testing.T, *acctest.World) {},
			says:  []string{"Not a client id", "UUID"}, offline: true,
		},
		"tenant that is nobody's own": {
			block: `tenant_id = "common"`,
			world: func(*testing.T, *acctest.World) {},
			says:  []string{"Not an Entra ID tenant", "common"}, offline: true,
		},
		"no host": {
			world: func(_ *testing.T, w *acctest.World) { delete(w.Env, "DBXACCESS_HOST") },
			says:  []string{"Missing workspace address", "DATABRICKS_HOST"}, offline: true,
		},
		"host without encryption": {
			block: `host = "http://adb-1.1.azuredatabricks.net"`,
			world: func(*testing.T, *acctest.World) {},
			says:  []string{"Not a workspace address", "use https"}, offline: true,
		},
		"not a number in the environment": {
			world:   func(_ *testing.T, w *acctest.World) { w.Env["DATABRICKS_RATE_LIMIT"] = "fast" },
			says:    []string{"Bad value for the provider", "DATABRICKS_RATE_LIMIT in the environment", "whole number"},
			offline: true,
		},
		"CA file that is not there": {
			world: func(_ *testing.T, w *acctest.World) { w.Env["DBXACCESS_CA_CERTIFICATE_PATH"] = "/nowhere/ca.pem" },
			says:  []string{"Cannot read the certificate authorities", "/nowhere/ca.pem"}, offline: true,
		},
		"unknown tenant": {
			world: func(_ *testing.T, w *acctest.World) {
				w.Env["ARM_TENANT_ID"] = "5b5fe4d9-3f6d-4c8e-9d3c-0e9ee1f5d3a1"
			},
			says: []string{"Tenant not found", "AADSTS90002", "Check tenant_id"},
		},
		"application not in the tenant": {
			world: func(_ *testing.T, w *acctest.World) {
				w.Env["ARM_CLIENT_ID"] = "0f4a7f9e-57c7-4c0a-8d4e-3f1b1c8f6a11"
			},
			says: []string{"Application not found in the tenant", "AADSTS700016", "not the object ID"},
		},
		"wrong secret": {
			world: func(_ *testing.T, w *acctest.World) {
				delete(w.Env, "ARM_CLIENT_CERTIFICATE_PATH")
				delete(w.Env, "ARM_CLIENT_CERTIFICATE_PASSWORD")
				w.Env["ARM_CLIENT_SECRET"] = "wrong-secret-value"
			},
			says: []string{"Client secret is wrong", "AADSTS7000215", "Value, not its Secret ID",
				"ARM_CLIENT_SECRET in the environment"},
		},
		"certificate not registered": {
			world: func(t *testing.T, w *acctest.World) {
				cert, key := issue(t, w, time.Now().Add(-day), time.Now().Add(90*day))
				w.Env["ARM_CLIENT_CERTIFICATE_PATH"] = w.Write(t, "other.pem", acctest.PEM(t, key, cert))
			},
			says: []string{"Client certificate is not registered", "AADSTS700027", "upload the certificate without " +
				"its private key"},
		},
		"principal not in the workspace": {
			world: func(_ *testing.T, w *acctest.World) { w.Workspace.RemovePrincipal(w.Deployer.ClientID) },
			says: []string{"Cannot find out who is logged in", "Unauthorized access to workspace",
				"not a member of this workspace"},
		},
		"workspace unreachable": {
			world: func(_ *testing.T, w *acctest.World) { w.Env["DBXACCESS_HOST"] = "https://127.0.0.1:1" },
			says: []string{"Cannot find out who is logged in", "connection refused",
				"Check host in the provider block"},
		},
		"workspace behind an unknown authority": {
			world: func(t *testing.T, w *acctest.World) {
				// The provider trusts the login host's certificate authority; the workspace's is another tenant's.
				other := emulator.NewScenarioIn(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
				server, err := emulator.Serve(other.Tenant, other.Workspace)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = server.Close() })
				w.Env["DBXACCESS_HOST"] = server.WorkspaceURLs[0]
			},
			says: []string{"Cannot find out who is logged in", "certificate signed by unknown authority",
				"ca_certificate_path"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			test.world(t, w)
			c := w.CLI(t, strings.Replace(whoAmI, "# BLOCK", test.block, 1))
			started := time.Now()
			r := c.MustRun(t, 1, "plan")
			if took := time.Since(started); took > 30*time.Second {
				t.Errorf("the error took %v", took)
			}
			r.MustSay(t, test.says...)
			if n := strings.Count(r.Stderr, "Error: "); n != 1 {
				t.Errorf("%d errors instead of one:\n%s", n, r.Stderr)
			}
			for _, secret := range []string{acctest.Password, "wrong-horse", "wrong-secret-value", "s3cr3t-value",
				"dapi0123", "PRIVATE KEY"} {
				if strings.Contains(r.Stdout+r.Stderr, secret) {
					t.Errorf("the error holds %q", secret)
				}
			}
			if asked := len(w.Tenant.Journal.Entries()); test.offline && asked > 0 {
				t.Errorf("%d requests for what needed none", asked)
			}
		})
	}
}
