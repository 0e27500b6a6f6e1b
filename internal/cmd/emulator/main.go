// Command emulator runs an emulated Entra ID and an emulated Databricks workspace for the quick start on this machine.
// The workspace has a serving endpoint named iris, which a person owns, and a service principal "deployer", which logs
// in with a certificate. The command writes a file with the environment variables that a shell needs to use both:
//
//	emulator -dir /tmp/emulator &
//	. /tmp/emulator/env
//
// A client reaches the services under their real host names through the emulator's proxy:
//
//	export HTTPS_PROXY=$EMULATOR_PROXY_URL HTTP_PROXY=$EMULATOR_PROXY_URL SSL_CERT_FILE=$DBXACCESS_CA_CERTIFICATE_PATH
//
// The file also sets the variables of the documentation's examples, such as TF_VAR_application_id.
//
// With -vault the emulator also has a Key Vault, which holds the deployer's certificate, the password of its PFX file,
// its ids and its thumbprint. The deployer may write secrets to that vault. A managed identity may read it, and so may
// the simulated Azure CLI in EMULATOR_AZURE_CLI_DIR, if that folder is on PATH. The emulator then also has the two
// vaults that the documentation's examples name.
//
// With -crowd the workspace holds the given number of additional service principals and serving endpoints, for
// measurements. A request POST /latency to EMULATOR_CONTROL_URL delays every answer, and POST /workspaces/{id}/switches
// changes how the workspace behaves.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func main() {
	dir := flag.String("dir", "", "write certificates and the file env here")
	listen := flag.Int("listen", 0, "first of a row of loopback `ports`: Entra ID, control, workspace, proxy; 0 "+
		"for free ones")
	vault := flag.Bool("vault", false, "add a Key Vault with the deployer's certificate")
	crowd := flag.Int("crowd", 0, "add that many service principals and serving endpoints")
	flag.Parse()
	if err := run(*dir, *listen, *vault, *crowd); err != nil {
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
}

func run(dir string, firstPort int, withVault bool, crowd int) (err error) {
	if dir == "" || flag.NArg() > 0 {
		return fmt.Errorf("usage: emulator -dir DIR [-listen PORT] [-vault] [-crowd N]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	// A file env from an earlier run would look as if this emulator were ready.
	if err := os.Remove(filepath.Join(dir, "env")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	scenario := emulator.NewScenario()
	scenario.Workspace.AddGroup("analysts") // the documentation's examples use this group
	scenario.Crowd(crowd)
	server, err := emulator.ServeFrom(firstPort, scenario.Tenant, scenario.Workspace)
	if err != nil {
		return err
	}
	defer server.Close()
	var vault *emulator.DeployerVault
	if withVault {
		vault = scenario.NewDeployerVault("kv-dbxaccess")
		vault.Allow(scenario.Deployer.ClientID, emulator.RoleSecretsOfficer)
		if err := documentedVaults(scenario, vault); err != nil {
			return err
		}
	}
	if err := write(dir, scenario, server, vault); err != nil {
		return err
	}
	fmt.Println("emulator ready:", filepath.Join(dir, "env"))
	<-ctx.Done()
	return nil
}

// documentedVaults adds what the documentation's examples use: a vault for the provider's secrets, a vault with the
// application's certificate, and in the deployer's vault the objects of the guide about a certificate in Key Vault.
func documentedVaults(s *emulator.Scenario, deployer *emulator.DeployerVault) error {
	const name = "databricks-deployer"
	deployer.ImportCertificate(name, s.DeployerKey, s.DeployerCertificate, emulator.CertificatePKCS12)
	for suffix, value := range map[string]string{
		"-client-id": s.Deployer.ClientID, "-tenant-id": s.Tenant.ID, "-thumbprint": fmt.Sprintf("%X", sha1.Sum(s.DeployerCertificate.Raw)),
	} {
		deployer.SetSecret(name+suffix, value, "text/plain")
	}
	s.Tenant.NewVault("kv-scoring").Allow(s.Deployer.ClientID, emulator.RoleSecretsOfficer)
	platform := s.Tenant.NewVault("kv-platform")
	platform.Allow(s.Deployer.ClientID, emulator.RoleSecretsUser)
	now := time.Now()
	cert, key, err := s.Tenant.IssueClientCertificate("scoring-app", now.Add(-time.Hour), now.AddDate(1, 0, 0))
	if err != nil {
		return err
	}
	s.ScoringApp.AddCertificate(cert)
	platform.ImportCertificate("scoring-app", key, cert, emulator.CertificatePKCS12)
	return nil
}

// write writes the certificates and then the file env. That file comes last, so that everything that it names exists
// and works once the file exists.
func write(dir string, s *emulator.Scenario, server *emulator.Server, vault *emulator.DeployerVault) error {
	password := rand.Text()
	pfx, err := pkcs12.Modern.Encode(s.DeployerKey, s.DeployerCertificate, nil, password)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(s.DeployerKey)
	if err != nil {
		return err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.DeployerCertificate.Raw})

	in := func(name string) string { return filepath.Join(dir, name) }
	lines := [][2]string{
		{"DBXACCESS_HOST", server.WorkspaceURLs[0]},
		{"ARM_TENANT_ID", s.Tenant.ID},
		{"ARM_CLIENT_ID", s.Deployer.ClientID},
		{"ARM_CLIENT_CERTIFICATE_PATH", in("deployer.pfx")},
		{"ARM_CLIENT_CERTIFICATE_PASSWORD", password},
		{"ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", server.EntraURL},
		{"DBXACCESS_CA_CERTIFICATE_PATH", in("ca.pem")},
		{"TF_VAR_scoring_application_id", s.ScoringApp.ClientID},
		{"TF_VAR_scoring_client_secret", s.ScoringSecret},
		{"TF_VAR_application_id", s.ScoringApp.ClientID},
		{"TF_VAR_client_secret", s.ScoringSecret},
		{"TF_VAR_client_certificate", base64.StdEncoding.EncodeToString(pfx)},
		{"TF_VAR_client_certificate_password", password},
		{"TF_VAR_client_certificate_path", in("deployer.pem")},
		{"EMULATOR_CONTROL_URL", server.ControlURL},
		{"EMULATOR_PROXY_URL", server.ProxyURL},
		{"EMULATOR_WORKSPACE_URL", "https://" + s.Workspace.HostName()},
		{"EMULATOR_PERSON_TOKEN", s.PersonToken},
		{"EMULATOR_DEPLOYER_SECRET", s.DeployerSecret},
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if vault != nil {
		lines = append(lines, [][2]string{
			{"EMULATOR_VAULT_URL", vault.URL()},
			{"EMULATOR_VAULT_CERTIFICATE", emulator.DeployerCertificateName},
			{"EMULATOR_VAULT_PFX", emulator.DeployerPFXName},
			{"EMULATOR_VAULT_PEM", emulator.DeployerPEMName},
			{"EMULATOR_VAULT_PFX_PASSWORD", emulator.DeployerPasswordName},
			{"EMULATOR_VAULT_CLIENT_ID", emulator.DeployerClientIDName},
			{"EMULATOR_VAULT_TENANT_ID", emulator.DeployerTenantIDName},
			{"EMULATOR_VAULT_THUMBPRINT", emulator.DeployerThumbprintName},
			{"EMULATOR_VAULT_CLIENT_SECRET", emulator.DeployerClientSecretName},
			{"EMULATOR_VAULT_READER_CLIENT_ID", vault.Reader.ClientID},
			{"EMULATOR_VAULT_READER_SECRET", vault.ReaderSecret},
			{"EMULATOR_AZURE_CLI_DIR", in("azurecli")},
			{"TF_VAR_next_application_id", s.Tenant.RegisterApp("next-pipeline").ClientID},
		}...)
		if err := os.MkdirAll(in("azurecli"), 0o700); err != nil {
			return err
		}
		if err := s.Tenant.WriteAzureCLI(in("azurecli"), vault.Reader); err != nil {
			return err
		}
	}
	var env strings.Builder
	for _, line := range lines {
		// In a shell, single quotes protect every character except the single quote itself.
		fmt.Fprintf(&env, "export %s='%s'\n", line[0], strings.ReplaceAll(line[1], "'", `'\''`))
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"ca.pem", s.Tenant.CACertificatePEM()},
		{"deployer.pfx", pfx},
		{"deployer.pem", append(keyPEM, certPEM...)},
		{"env", []byte(env.String())},
	} {
		if err := replace(in(file.name), file.content); err != nil {
			return err
		}
	}
	return nil
}

// replace writes a new file and renames it to the given name. Otherwise an existing file would keep its own
// permissions, and a reader could see a partly written file.
func replace(name string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".new-*") // CreateTemp gives the file the mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), name)
}
