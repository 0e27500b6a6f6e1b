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
	stacks = 2 // the number of configurations on one workspace, each with its own state
	apps   = 2 // the number of applications of a stack
)

// Objects in the workspace that both stacks use.
const (
	shared  = "iris" // an endpoint on which both stacks grant access, one principal at a time
	group   = "data scientists"
	creator = "ada@example.com" // a workspace admin
	bob     = "bob@example.com"
)

// world is a workspace with two stacks, and with people and applications that belong to neither stack.
type world struct {
	*acctest.World
	certificate tls.Certificate
	stacks      [stacks]*stack
	t           testing.TB
	entra       http.Handler
	log         io.Writer // nil if the provider does not log
	stops       []func()
	guests      [2]string // the application ids of service principals that no stack manages

	mu      sync.Mutex
	foreign map[string]string // objects that no stack manages, with their expected values
	secrets map[string]bool   // secrets that no file, log or message may contain
	faults  []step            // the faults that are active
	deleted map[string]*stack // for each deleted secret in a vault, the stack of the vault
	found   []string          // the errors that were recorded
	met     counts
}

// stack is one configuration with its state and with the objects that it uses.
type stack struct {
	index        int
	apps         [apps]*emulator.App
	secrets      [apps]string
	certificates [apps]string // each application's certificate and key as PEM text
	guests       [2]string
	endpoint     string // an endpoint whose complete access list the stack may manage
	vault        *emulator.Vault
	env          map[string]string

	written configuration
	want    []resource
	state   map[string]held
	lost    map[string]bool // addresses of resources for which a kill may have lost the provider's answer
	// addresses of resources that may exist, as an error said
	reported map[string]bool
	current  atomic.Pointer[process]
}

func (s *stack) madeName(i int) string { return fmt.Sprintf("made-%d-%d", s.index, i) }

// worlds counts the worlds, so that the hosts and vaults of two worlds never have the same name.
var worlds atomic.Int64

func newWorld(t testing.TB, base *acctest.World, certificates [stacks]bool) *world {
	n := worlds.Add(1)
	w := &world{World: base, t: t, entra: base.Tenant.Entra(), secrets: map[string]bool{}, foreign: map[string]string{},
		deleted: map[string]*stack{}}
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
	s := &stack{index: i, guests: w.guests, endpoint: fmt.Sprintf("list-%d", i), state: map[string]held{},
		lost: map[string]bool{}, reported: map[string]bool{}, env: maps.Clone(w.Env)}
	for a := range s.apps {
		s.apps[a] = w.Tenant.RegisterApp(fmt.Sprintf("app-%d-%d", i, a))
		s.secrets[a] = s.apps[a].AddSecret(365 * 24 * time.Hour)
		cert, key, err := w.Tenant.IssueClientCertificate(s.apps[a].Name, time.Now().Add(-time.Hour),
			time.Now().AddDate(1, 0, 0))
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

// foreignNow returns the objects that no stack manages, with their current values.
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
			// The stack that manages a complete access list decides about everybody on the list except the ignored
			// guest.
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
