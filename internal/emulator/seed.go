package emulator

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// A Scenario is the situation for which the provider is made. A data scientist serves a model under her own name. A
// deployer, which logs in with a certificate, must give an application its own access to the model.
type Scenario struct {
	Tenant    *Tenant
	Workspace *Workspace

	// Deployer is a workspace admin. It can log in with its certificate and with its secret.
	Deployer            *App
	DeployerCertificate *x509.Certificate
	DeployerKey         *rsa.PrivateKey
	DeployerSecret      string

	// ScoringApp is registered in the tenant, but not yet in the workspace.
	ScoringApp    *App
	ScoringSecret string

	// PersonName is the user name of a person who is a workspace admin and has a personal access token.
	PersonName  string
	PersonToken string

	// EndpointName is the name of a serving endpoint that the person created.
	EndpointName string
	EndpointID   string
}

// NewScenario creates a scenario in a new tenant. Two scenarios share nothing. It panics if it cannot generate a key.
func NewScenario() *Scenario { return NewScenarioIn(TenantOptions{}) }

// NewScenarioIn creates a scenario in a new tenant with these options.
func NewScenarioIn(opts TenantOptions) *Scenario {
	t := NewTenant(opts)
	s := &Scenario{Tenant: t, Workspace: t.NewWorkspace(WorkspaceOptions{}), PersonName: "ada@example.com",
		EndpointName: "iris"}

	s.Deployer = t.RegisterApp("deployer")
	now := time.Now()
	var err error
	s.DeployerCertificate, s.DeployerKey, err = t.IssueClientCertificate("deployer", now.Add(-time.Hour),
		now.AddDate(1, 0, 0))
	if err != nil {
		panic(fmt.Sprintf("emulator: issuing the deployer's certificate: %v", err))
	}
	const year = 365 * 24 * time.Hour
	s.Deployer.AddCertificate(s.DeployerCertificate)
	s.DeployerSecret = s.Deployer.AddSecret(year)
	s.ScoringApp = t.RegisterApp("scoring-app")
	s.ScoringSecret = s.ScoringApp.AddSecret(year)

	s.Workspace.AddUser(s.PersonName, "Ada")
	s.Workspace.AddToGroup("admins", s.PersonName)
	s.Workspace.AddServicePrincipal(s.Deployer.ClientID, s.Deployer.Name)
	s.Workspace.AddToGroup("admins", s.Deployer.ClientID)
	_, s.PersonToken = s.Workspace.MintToken(s.PersonName, "notebook", 90*24*time.Hour)
	s.EndpointID = s.Workspace.CreateEndpoint(s.EndpointName, s.PersonName)
	return s
}
