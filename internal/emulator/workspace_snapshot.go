package emulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// A Snapshot describes everything that a workspace holds, as plain sorted values that can be compared. It contains no
// secret values.
type Snapshot struct {
	ServicePrincipals []ServicePrincipalState
	Users             []UserState
	Groups            []GroupState
	Endpoints         []EndpointState
	// TokenGrants are the direct grants on authorization/tokens, in the same form as the Grants of [EndpointState].
	TokenGrants []string
	Tokens      []TokenState
	// OAuthSecrets are the OAuth secrets of all service principals in the workspace.
	OAuthSecrets []OAuthSecretState
}

// ServicePrincipalState describes one service principal.
type ServicePrincipalState struct {
	ID            string
	ApplicationID string
	DisplayName   string
	Active        bool
	Entitlements  []string
}

// UserState describes one user.
type UserState struct {
	ID          string
	UserName    string
	DisplayName string
	Active      bool
}

// GroupState describes one group. Members are application ids, user names and group names. The group users has no
// Members, because everybody belongs to it.
type GroupState struct {
	ID      string
	Name    string
	Members []string
}

// EndpointState describes one serving endpoint. Grants are the direct grants, such as "service_principal_name=…
// CAN_QUERY".
type EndpointState struct {
	Name    string
	ID      string
	Creator string
	Grants  []string
}

// TokenState describes one token, which may be expired. A zero Expires means that the token never expires.
type TokenState struct {
	ID      string
	Owner   string
	Comment string
	Created time.Time
	Expires time.Time
}

// OAuthSecretState describes one OAuth secret, which may be expired. A zero Expires means that it never expires. Empty
// Scopes mean all scopes.
type OAuthSecretState struct {
	ID      string
	Owner   string // application id of the service principal
	Status  string
	Scopes  []string
	Created time.Time
	Expires time.Time
}

// Snapshot returns what the workspace really holds now, even if switches make its answers differ.
func (w *Workspace) Snapshot() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s Snapshot
	for _, p := range w.principals {
		switch p.kind {
		case servicePrincipalKind:
			entitlements := slices.Sorted(slices.Values(p.entitlements))
			s.ServicePrincipals = append(s.ServicePrincipals, ServicePrincipalState{p.id, p.applicationID,
				p.displayName, p.active, entitlements})
		case userKind:
			s.Users = append(s.Users, UserState{p.id, p.userName, p.displayName, p.active})
		case groupKind:
			var members []string
			for id := range p.members {
				members = append(members, w.byID(id).name())
			}
			slices.Sort(members)
			s.Groups = append(s.Groups, GroupState{p.id, p.displayName, members})
		}
	}
	slices.SortFunc(s.ServicePrincipals, func(a, b ServicePrincipalState) int {
		return strings.Compare(a.ApplicationID, b.ApplicationID)
	})
	slices.SortFunc(s.Users, func(a, b UserState) int { return strings.Compare(a.UserName, b.UserName) })
	slices.SortFunc(s.Groups, func(a, b GroupState) int { return strings.Compare(a.Name, b.Name) })
	for _, name := range slices.Sorted(maps.Keys(w.endpoints)) {
		e := w.endpoints[name]
		s.Endpoints = append(s.Endpoints, EndpointState{e.name, e.id, e.creator,
			w.lists[endpointsObjects+e.id].lines()})
	}
	s.TokenGrants = w.lists[tokensObject].lines()
	for _, t := range w.tokensWhere(func(*token) bool { return true }) {
		s.Tokens = append(s.Tokens, TokenState{t.id, t.ownerName, t.comment, t.created, t.expires})
	}
	for _, o := range w.oauthSecretsWhere(func(*oauthSecret) bool { return true }) {
		s.OAuthSecrets = append(s.OAuthSecrets, OAuthSecretState{o.id, o.owner, o.status, o.scopes,
			o.created, o.expires})
	}
	return s
}

func (l *accessList) lines() []string {
	if l == nil {
		return nil
	}
	var lines []string
	for _, g := range l.grants {
		lines = append(lines, string(g.kind)+"="+g.name+" "+g.level)
	}
	slices.Sort(lines)
	return lines
}
