package emulator

import (
	"fmt"
	"strings"
	"time"
)

// The access lists of serving endpoints and of tokens. They follow
// docs.databricks.com/api/azure/workspace/servingendpoints (get, set and update permissions) and
// docs.databricks.com/api/azure/workspace/tokenmanagement. What each level allows is described on
// learn.microsoft.com/azure/databricks/security/auth/access-control.

const (
	levelView   = "CAN_VIEW"
	levelQuery  = "CAN_QUERY"
	levelManage = "CAN_MANAGE"
	levelUse    = "CAN_USE"

	tokensObject     = "authorization/tokens"
	endpointsObjects = "serving-endpoints/"
)

// levelRank orders the permission levels of one object. A level with a higher rank allows more.
var levelRank = map[string]int{levelView: 1, levelUse: 1, levelQuery: 2, levelManage: 3}

// accessList holds the direct grants on one object. It belongs to the object's id, not to its name, and continues to
// exist after a serving endpoint is deleted.
type accessList struct {
	object  string // the path of the object, without the leading slash
	deleted bool
	grants  map[string]*grant // by SCIM id of the principal
}

type grant struct {
	kind        principalKind
	name        string // kept here, because the grant may outlive the principal
	displayName string
	asUser      bool // whether the grant was written under user_name
	level       string
	lastLevel   string // the level before the last write
	since       time.Time
}

func newAccessList(object string) *accessList {
	return &accessList{object: object, grants: map[string]*grant{}}
}

func (l *accessList) ofTokens() bool { return l.object == tokensObject }

// set replaces the direct grant of a principal by a grant of this level, and returns the grant.
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

// dropped deletes the tokens of principals whose direct grant on the list of tokens was removed, unless they may still
// use tokens through a group (learn.microsoft.com/azure/databricks/security/auth/api-access-permissions). It does
// nothing if l is the access list of another object.
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

// level returns the highest permission level that a principal has on an object, by a direct grant or through its
// groups. Admins have CAN_MANAGE. It is empty if the principal has no level.
func (w *Workspace) level(l *accessList, p *principal) string {
	return w.levelAt(l, p, func(g *grant) string { return g.level })
}

// honouredLevel returns the permission level that scoring applies. It ignores a raised grant for the time
// [WorkspaceSwitches].GrantDelay.
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

// SetGrant grants a principal a direct level on an object: a serving endpoint, by its name, or "authorization/tokens".
// The principal is named by application id, user name or group name.
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

// RemoveGrant removes the direct grant of a principal, as a request to the API does. If the principal may then no
// longer use tokens, its tokens are deleted.
func (w *Workspace) RemoveGrant(object, principal string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, p := w.mustFindList(object), w.mustFind(principal)
	delete(l.grants, p.id)
	w.dropped(l, p.id)
}

// Grants returns the direct levels on a serving endpoint, or on "authorization/tokens", by application id, user name or
// group name.
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

// isEndpointID reports whether s has the form of a serving endpoint's id.
func isEndpointID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
