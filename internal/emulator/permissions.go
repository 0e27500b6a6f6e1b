package emulator

import (
	"fmt"
	"strings"
	"time"
)

// Access lists as docs.databricks.com/api/azure/workspace/servingendpoints
// (get/set/update permissions) and docs.databricks.com/api/azure/workspace/tokenmanagement
// describe them; what the levels allow is on
// learn.microsoft.com/azure/databricks/security/auth/access-control.

const (
	levelView   = "CAN_VIEW"
	levelQuery  = "CAN_QUERY"
	levelManage = "CAN_MANAGE"
	levelUse    = "CAN_USE"

	tokensObject     = "authorization/tokens"
	endpointsObjects = "serving-endpoints/"
)

// A level's rank orders it within its object.
var levelRank = map[string]int{levelView: 1, levelUse: 1, levelQuery: 2, levelManage: 3}

// accessList holds the direct grants of one object. It belongs to an id, not to
// a name, and outlives a deleted endpoint.
type accessList struct {
	object  string // without the leading slash
	deleted bool
	grants  map[string]*grant // by SCIM id of the principal
}

type grant struct {
	kind        principalKind
	name        string // as written here it survives the principal
	displayName string
	asUser      bool // written under user_name
	level       string
	lastLevel   string // before the last write
	since       time.Time
}

func newAccessList(object string) *accessList {
	return &accessList{object: object, grants: map[string]*grant{}}
}

func (l *accessList) ofTokens() bool { return l.object == tokensObject }

// set gives a principal exactly one level.
func (l *accessList) set(p *principal, level string, now time.Time) *grant {
	last := ""
	if g := l.grants[p.id]; g != nil {
		if g.level == level {
			return g
		}
		last = g.level
	}
	g := &grant{kind: p.kind, name: p.name(), displayName: p.displayName, level: level, lastLevel: last, since: now}
	l.grants[p.id] = g
	return g
}

// dropped follows the removal of direct grants: who held CAN_USE of tokens and now holds it neither directly nor by a
// group loses the live tokens (learn.microsoft.com/azure/databricks/security/auth/api-access-permissions).
func (w *Workspace) dropped(l *accessList, principalIDs ...string) {
	if !l.ofTokens() {
		return
	}
	for _, id := range principalIDs {
		if p := w.byID(id); w.switches.DirectUseTakesTokens || p == nil || !w.mayUseTokens(p) {
			w.deleteTokensOf(id)
		}
	}
}

// level is what a principal may do in effect: directly, through groups, and as
// an admin everything.
func (w *Workspace) level(l *accessList, p *principal) string {
	return w.levelAt(l, p, func(g *grant) string { return g.level })
}

// honouredLevel is the level scoring goes by, which may lag behind the list.
func (w *Workspace) honouredLevel(l *accessList, p *principal, now time.Time) string {
	return w.levelAt(l, p, func(g *grant) string {
		if now.Sub(g.since) < w.switches.GrantDelay && levelRank[g.lastLevel] < levelRank[g.level] {
			return g.lastLevel
		}
		return g.level
	})
}

func (w *Workspace) levelAt(l *accessList, p *principal, of func(*grant) string) string {
	best := ""
	for _, holder := range append(w.groupsOf(p), p) {
		if holder == w.admins {
			return levelManage
		}
		if g := l.grants[holder.id]; g != nil && levelRank[of(g)] > levelRank[best] {
			best = of(g)
		}
	}
	return best
}

func (w *Workspace) mayUseTokens(p *principal) bool {
	return w.level(w.lists[tokensObject], p) != ""
}

// SetGrant gives a principal a direct level on an endpoint, by the endpoint's
// name, or on "authorization/tokens". The principal's kind is found.
func (w *Workspace) SetGrant(object, principal, level string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.mustFindList(object)
	if !validLevel(l, level) {
		panic(fmt.Sprintf("emulator: %s has no level %q", object, level))
	}
	l.set(w.mustFind(principal), level, w.tenant.Clock.Now())
	if l.ofTokens() {
		w.tokensSeen = true
	}
}

// RemoveGrant removes a principal's direct grant, as a request to the API does: a principal that may no longer use
// tokens loses its tokens.
func (w *Workspace) RemoveGrant(object, principal string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, p := w.mustFindList(object), w.mustFind(principal)
	delete(l.grants, p.id)
	w.dropped(l, p.id)
}

// Grants are the direct levels on an endpoint (or on "authorization/tokens"), by
// application id, user name or group name.
func (w *Workspace) Grants(endpointName string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	levels := map[string]string{}
	for _, g := range w.mustFindList(endpointName).grants {
		levels[g.name] = g.level
	}
	return levels
}

func (w *Workspace) mustFindList(object string) *accessList {
	if object == tokensObject {
		return w.lists[tokensObject]
	}
	e := w.endpoints[object]
	if e == nil || e.id == "" {
		panic(fmt.Sprintf("emulator: workspace %s has no endpoint %q with an access list", w.id, object))
	}
	return w.lists[endpointsObjects+e.id]
}

func validLevel(l *accessList, level string) bool {
	if l.ofTokens() {
		return level == levelUse || level == levelManage
	}
	return level == levelView || level == levelQuery || level == levelManage
}

// isEndpointID reports whether a string has the form of an endpoint's system id.
func isEndpointID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
