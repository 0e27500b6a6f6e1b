package storm_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// A drift is a change that another actor makes in the workspace. It does nothing if the object that it would change
// does not exist.
type drift struct {
	Do         string // one of driftKinds
	Stack, App int
	Level      string
}

func (d drift) String() string {
	return fmt.Sprintf("%s (stack %d, app %d, %s)", d.Do, d.Stack, d.App, d.Level)
}

// The changes that other actors make to managed and to unmanaged objects.
const (
	removeGrant     = "a managed grant is removed"
	changeGrant     = "a managed grant gets another level"
	removeListed    = "somebody is taken off a managed list"
	addUnlisted     = "somebody is put on a managed list"
	removePrincipal = "a managed principal is removed"
	renamePrincipal = "a managed principal is renamed"
	deactivate      = "a managed principal is deactivated"
	entitle         = "a managed principal gets an entitlement"
	leaveGroup      = "a managed principal leaves the group"
	revokeToken     = "a managed token is revoked"
	denyTokens      = "a managed principal may no longer use tokens"
	recreate        = "an endpoint is re-created under its name"
	disableSecret   = "a version in the vault is disabled"
	deleteSecret    = "a secret in the vault is deleted"
	guestGrant      = "a guest gets a grant"
	guestMember     = "a guest joins the group"
	guestToken      = "a guest makes a token"
	guestMayUse     = "a guest may use tokens"
)

var driftKinds = []string{
	removeGrant, changeGrant, removeListed, addUnlisted, removePrincipal, renamePrincipal, deactivate, entitle, leaveGroup, revokeToken, denyTokens, recreate,
	disableSecret, deleteSecret, guestGrant, guestMember, guestToken, guestMayUse,
}

var drifts = rapid.Custom(func(t *rapid.T) drift {
	return drift{
		Do: rapid.SampledFrom(driftKinds).Draw(t, "drift"), Stack: rapid.IntRange(0, stacks-1).Draw(t, "stack"),
		App:   rapid.IntRange(0, apps-1).Draw(t, "app"),
		Level: rapid.SampledFrom([]string{"CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"}).Draw(t, "level"),
	}
})

// writesLists reports whether the change writes to an access list. The API replaces a list as a whole and has no
// version numbers. So a change between another client's read and write is always lost, and such changes happen only
// between commands.
func (d drift) writesLists() bool {
	return slices.Contains([]string{removeGrant, changeGrant, removeListed, addUnlisted, denyTokens, guestGrant,
		guestMayUse}, d.Do)
}

const tokensList = "authorization/tokens"

func (w *world) drift(d drift) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met.drifts++
	s := w.stacks[d.Stack]
	id, guest := s.apps[d.App].ClientID, w.guests[d.App]
	snapshot := w.Workspace.Snapshot()
	there := w.there(id)
	live := slices.DeleteFunc(slices.Clone(snapshot.Tokens), func(t emulator.TokenState) bool { return t.Owner != id })
	held := w.Workspace.Grants(shared)[id]
	switch d.Do {
	case removeGrant:
		if held != "" {
			w.Workspace.RemoveGrant(shared, id)
		}
	case changeGrant:
		if held != "" {
			w.Workspace.SetGrant(shared, id, d.Level)
		}
	case removeListed:
		if w.Workspace.Grants(s.endpoint)[id] != "" && s.written.List != nil {
			w.Workspace.RemoveGrant(s.endpoint, id)
		}
	case addUnlisted:
		if s.written.List != nil {
			w.Workspace.SetGrant(s.endpoint, w.guests[0], d.Level)
		}
	case removePrincipal:
		if there {
			w.Workspace.RemovePrincipal(id)
		}
	case renamePrincipal:
		if there {
			w.Workspace.SetDisplayName(id, "renamed by hand")
		}
	case deactivate:
		// otherwise active is not managed, and the principal's token could not be created
		if a := s.written.Apps[d.App]; there && a != nil && a.Active {
			w.Workspace.SetActive(id, false)
		}
	case entitle:
		if there {
			w.Workspace.SetEntitlements(id, "allow-cluster-create")
		}
	case leaveGroup:
		if there {
			w.Workspace.RemoveFromGroup(group, id)
		}
	case revokeToken:
		if len(live) > 0 {
			w.Workspace.RevokeToken(live[0].ID)
		}
	case denyTokens:
		if there && w.Workspace.Grants(tokensList)[id] != "" {
			w.Workspace.RemoveGrant(tokensList, id)
		}
	case recreate:
		name := []string{shared, s.endpoint}[d.App]
		w.Workspace.DeleteEndpoint(name)
		w.Workspace.CreateEndpoint(name, creator)
		delete(w.foreign, "grant "+name+" "+w.guests[0])
		delete(w.foreign, "grant "+name+" "+w.guests[1])
	case disableSecret:
		if n := secretName(s, d.App); len(s.vault.Versions(n)) > 0 {
			s.vault.SetEnabled(n, "", false)
		}
	case deleteSecret:
		if n := secretName(s, d.App); len(s.vault.Versions(n)) > 0 {
			s.vault.DeleteSecret(n)
			w.deleted[n] = s
		}
	case guestGrant:
		w.Workspace.SetGrant(shared, guest, d.Level)
		w.foreign["grant "+shared+" "+guest] = d.Level
	case guestMember:
		w.Workspace.AddToGroup(group, guest)
		w.foreign["member "+guest] = "yes"
	case guestToken:
		token, value := w.Workspace.MintToken(guest, "of a guest", 0)
		w.foreign["token "+token] = guest
		w.secrets[value] = true
	case guestMayUse:
		w.Workspace.SetGrant(tokensList, guest, "CAN_USE")
		w.foreign["may use tokens "+guest] = "CAN_USE"
	}
}
