package storm_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const (
	stacks = 2 // two configurations with a state each, on one workspace
	apps   = 2 // applications of a stack
)

// What both stacks find in the workspace.
const (
	shared  = "iris" // an endpoint that both stacks grant on, one principal at a time
	group   = "data scientists"
	creator = "ada@example.com" // a workspace admin
	bob     = "bob@example.com"
)

// world is a workspace with two stacks on it, and with people and applications that belong to neither.
type world struct {
	*acctest.World
	certificate tls.Certificate
	stacks      [stacks]*stack
	t           testing.TB
	entra       http.Handler
	log         io.Writer // nil where nothing is logged
	stops       []func()
	guests      [2]string // application ids of principals that nobody here manages

	mu      sync.Mutex
	foreign map[string]string // what nobody here manages, and how it is
	secrets map[string]bool   // what no file, log or message may hold
	faults  []step            // declared
	deleted map[string]*stack // secrets in its vault, by name
	found   []string          // what is not as it must be
	met     counts
}

// stack is one configuration, its state, and what it works with.
type stack struct {
	index        int
	apps         [apps]*emulator.App
	secrets      [apps]string
	certificates [apps]string // PEM
	guests       [2]string
	endpoint     string // whose whole list the stack may manage
	vault        *emulator.Vault
	env          map[string]string

	written configuration
	want    []resource
	state   map[string]held
	lost    map[string]bool // addresses of which a kill took the answer away
	// addresses of which an error has said that they may exist all the same
	reported map[string]bool
	current  atomic.Pointer[process]
}

func (s *stack) madeName(i int) string { return fmt.Sprintf("made-%d-%d", s.index, i) }

// worlds counts them: hosts and vaults of two worlds must not have one name.
var worlds atomic.Int64

func newWorld(t testing.TB, base *acctest.World, certificates [stacks]bool) *world {
	n := worlds.Add(1)
	w := &world{World: base, t: t, entra: base.Tenant.Entra(), secrets: map[string]bool{}, foreign: map[string]string{}, deleted: map[string]*stack{}}
	w.secrets[acctest.Password], w.secrets[base.DeployerSecret], w.secrets[base.ScoringSecret], w.secrets[base.PersonToken] = true, true, true, true
	w.Workspace.AddUser(bob, "Bob")
	w.Workspace.AddGroup(group)
	for i := range w.guests {
		w.guests[i] = w.Tenant.RegisterApp(fmt.Sprintf("guest-%d", i)).ClientID
		w.Workspace.AddServicePrincipal(w.guests[i], fmt.Sprintf("guest-%d", i))
		w.foreign["principal "+w.guests[i]] = fmt.Sprintf("guest-%d true", i)
	}
	w.foreign["grant "+shared+" "+creator] = "CAN_MANAGE"
	var vaults []string
	for i := range w.stacks {
		w.stacks[i] = w.newStack(t, i, n, certificates[i])
		vaults = append(vaults, host(w.stacks[i].vault))
	}
	var err error
	if w.certificate, err = w.Tenant.ServerCertificate(vaults...); err != nil {
		t.Fatal(err)
	}
	for _, token := range w.Workspace.Snapshot().Tokens {
		w.foreign["token "+token.ID] = token.Owner
	}
	return w
}

func host(v *emulator.Vault) string { return v.URL()[len("https://"):] }

func (w *world) newStack(t testing.TB, i int, n int64, certificate bool) *stack {
	s := &stack{index: i, guests: w.guests, endpoint: fmt.Sprintf("list-%d", i), state: map[string]held{}, lost: map[string]bool{}, reported: map[string]bool{}, env: maps.Clone(w.Env)}
	for a := range s.apps {
		s.apps[a] = w.Tenant.RegisterApp(fmt.Sprintf("app-%d-%d", i, a))
		s.secrets[a] = s.apps[a].AddSecret(365 * 24 * time.Hour)
		cert, key, err := w.Tenant.IssueClientCertificate(s.apps[a].Name, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		s.apps[a].AddCertificate(cert)
		pem := acctest.PEM(t, key, cert)
		s.certificates[a] = string(pem)
		w.secrets[s.secrets[a]], w.secrets[string(pem[100:160])] = true, true
	}
	w.Workspace.CreateEndpoint(s.endpoint, creator)
	w.Workspace.SetGrant(s.endpoint, w.guests[1], "CAN_VIEW")
	w.foreign["grant "+s.endpoint+" "+w.guests[1]] = "CAN_VIEW"
	s.vault = w.Tenant.NewVault(fmt.Sprintf("kv-%d-%d", n, i))
	s.vault.Allow(w.Deployer.ClientID, emulator.RoleSecretsOfficer)
	s.vault.SetSecret("unrelated", "of somebody else", "text/plain")
	w.foreign["secret "+s.vault.Name()] = "of somebody else"
	if !certificate {
		delete(s.env, "ARM_CLIENT_CERTIFICATE_PATH")
		delete(s.env, "ARM_CLIENT_CERTIFICATE_PASSWORD")
		s.env["ARM_CLIENT_SECRET"] = w.DeployerSecret
	}
	return s
}

// foreignNow is what nobody here manages, as it is.
func (w *world) foreignNow() map[string]string {
	now := map[string]string{}
	ours := map[string]bool{w.Deployer.ClientID: true}
	for _, s := range w.stacks {
		for _, a := range s.apps {
			ours[a.ClientID] = true
		}
	}
	snapshot := w.Workspace.Snapshot()
	for _, p := range snapshot.ServicePrincipals {
		if slices.Contains(w.guests[:], p.ApplicationID) {
			now["principal "+p.ApplicationID] = fmt.Sprintf("%s %t", p.DisplayName, p.Active)
		}
	}
	for _, g := range snapshot.Groups {
		for _, m := range g.Members {
			if g.Name == group && !ours[m] {
				now["member "+m] = "yes"
			}
		}
	}
	for _, e := range snapshot.Endpoints {
		for principal, level := range w.Workspace.Grants(e.Name) {
			// The stack that manages a whole list decides on everybody in it but the ignored guest.
			if !ours[principal] && (e.Name == shared || principal == w.guests[1]) {
				now["grant "+e.Name+" "+principal] = level
			}
		}
	}
	for principal, level := range w.Workspace.Grants("authorization/tokens") {
		if slices.Contains(w.guests[:], principal) || principal == bob {
			now["may use tokens "+principal] = level
		}
	}
	for _, t := range snapshot.Tokens {
		if !ours[t.Owner] {
			now["token "+t.ID] = t.Owner
		}
	}
	for _, s := range w.stacks {
		now["secret "+s.vault.Name()] = s.vault.Value("unrelated")
	}
	return now
}
