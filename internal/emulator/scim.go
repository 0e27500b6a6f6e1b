package emulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What all SCIM resources of a workspace share: their JSON, the selection of attributes, and lists. The protocol is RFC
// 7644. How a workspace implements it is described on docs.databricks.com/api/azure/workspace/serviceprincipals,
// …/groups and …/currentuser.

const (
	schemaServicePrincipal = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"
	schemaUser             = "urn:ietf:params:scim:schemas:core:2.0:User"
	schemaGroup            = "urn:ietf:params:scim:schemas:core:2.0:Group"
	schemaList             = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	schemaPatch            = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

	maxExternalID = 64
)

// scimKind holds the SCIM names of each kind of principal.
var scimKind = map[principalKind]struct{ collection, singular, schema string }{
	servicePrincipalKind: {"ServicePrincipals", "Service principal", schemaServicePrincipal},
	userKind:             {"Users", "User", schemaUser},
	groupKind:            {"Groups", "Group", schemaGroup},
}

var knownEntitlements = map[string]bool{
	"workspace-access": true, "databricks-sql-access": true, "allow-cluster-create": true,
	"allow-instance-pool-create": true, "workspace-consume": true,
}

type complexValue struct {
	Value   string `json:"value,omitempty"`
	Display string `json:"display,omitempty"`
	Ref     string `json:"$ref,omitempty"`
	Type    string `json:"type,omitempty"`
	Primary bool   `json:"primary,omitempty"`
}

func (w *Workspace) scimRoutes(api func(string, handler)) {
	for _, kind := range []principalKind{servicePrincipalKind, userKind, groupKind} {
		root := scimRoot + scimKind[kind].collection
		api("GET "+root, func(c *call) (any, error) { return c.listResources(kind) })
		api("GET "+root+"/{id}", func(c *call) (any, error) { return c.getResource(kind) })
	}
	w.servicePrincipalRoutes(api)
	w.groupRoutes(api)
	api("GET "+scimRoot+"Me", me)
}

// scimAdminsOnly returns the SCIM API's error unless the caller is a workspace admin.
func (c *call) scimAdminsOnly(kind principalKind) error {
	if c.w.isAdmin(c.who) {
		return nil
	}
	return scimRefuse(http.StatusForbidden, "", "%s%s is only accessible by admins.",
		strings.TrimPrefix(scimRoot, "/api"), scimKind[kind].collection)
}

// scimWrites counts the writes through SCIM since a point in time.
type scimWrites struct {
	since time.Time
	count int
}

// countWrite counts a write through SCIM. It returns an error if there were more writes than
// [WorkspaceSwitches].SCIMWrites allows.
func (c *call) countWrite() error {
	s := c.w.switches
	if s.SCIMWrites == 0 || c.r.Method == http.MethodGet || !strings.HasPrefix(c.r.URL.Path, scimRoot) {
		return nil
	}
	if c.now.Sub(c.w.writes.since) >= s.SCIMWritesWithin {
		c.w.writes = scimWrites{since: c.now}
	}
	if c.w.writes.count++; c.w.writes.count <= s.SCIMWrites {
		return nil
	}
	if s.SCIMLimitAs500 {
		return scimRefuse(http.StatusInternalServerError, "", "REQUEST_LIMIT_EXCEEDED: Too many requests. Please "+
			"wait a moment and try again.")
	}
	return scimRefuse(http.StatusTooManyRequests, "", "Too many requests. Please wait a moment and try again.")
}

func (c *call) scimDecode(into any) error {
	if err := json.Unmarshal(c.body, into); err != nil {
		return scimRefuse(http.StatusBadRequest, "invalidSyntax", "Request is unparsable, syntactically incorrect, "+
			"or violates schema.")
	}
	return nil
}

func (c *call) scimFind(kind principalKind) (*principal, error) {
	id := c.r.PathValue("id")
	if p := c.w.byID(id); p != nil && p.kind == kind {
		return p, nil
	}
	return nil, c.scimNotFound(kind, id)
}

func (c *call) scimNotFound(kind principalKind, id string) error {
	text := scimKind[kind].singular + " with id {} is not found"
	if kind == servicePrincipalKind {
		text = "Service principal with id {} not found"
	}
	e := c.w.switches.SCIMNotFound.or(http.StatusNotFound, "", text, id)
	e.noBody = c.w.switches.EmptyNotFound
	return e
}

// touched must be called before a write to a principal. It keeps a copy, which delayed reads show for some time.
func (c *call) touched(p *principal) {
	before := p.clone()
	p.before, p.changed, p.created = before, c.now, false
}

// seen returns a principal as reads show it now. It returns nil if reads do not show a new principal yet.
func (c *call) seen(p *principal) *principal {
	if p.changed.IsZero() || c.now.Sub(p.changed) >= c.w.switches.SCIMStaleFor {
		return p
	}
	if p.created {
		return nil
	}
	return p.before
}

// lingering returns the deleted principals that lists still show for the time [WorkspaceSwitches].SCIMStaleFor.
func (c *call) lingering() (shown []*principal) {
	for _, p := range c.w.deleted {
		if c.now.Sub(p.changed) < c.w.switches.SCIMStaleFor && c.w.byID(p.id) == nil {
			stale := p.clone()
			stale.changed = time.Time{}
			shown = append(shown, stale)
		}
	}
	return shown
}

func values(of []string) []complexValue {
	list := make([]complexValue, len(of))
	for i, v := range of {
		list[i] = complexValue{Value: v}
	}
	return list
}

// resource returns the JSON object of a principal with all its attributes. It leaves out empty lists.
func (c *call) resource(p *principal) map[string]any {
	m := map[string]any{"schemas": []string{scimKind[p.kind].schema}, "id": p.id, "displayName": p.displayName}
	if p.externalID != "" {
		m["externalId"] = p.externalID
	}
	switch p.kind {
	case servicePrincipalKind:
		m["applicationId"], m["active"] = p.applicationID, p.active
	case userKind:
		m["userName"], m["active"] = p.userName, p.active
		m["emails"] = []complexValue{{Value: p.userName, Type: "work", Primary: true}}
	case groupKind:
		m["meta"] = map[string]string{"resourceType": groupType(p)}
	}
	ref := func(q, shown *principal, kind string) complexValue {
		return complexValue{Value: q.id, Display: shown.displayName, Type: kind, Ref: scimKind[q.kind].collection +
			"/" + q.id}
	}
	var groups, members []complexValue
	for _, g := range c.w.groups {
		// Users and service principals belong to the group users, but only memberships that were added to a group are
		// shown.
		if shown := c.seen(g); shown != nil && shown.members[p.id] {
			groups = append(groups, ref(g, shown, "direct"))
		}
	}
	if p.kind == groupKind && !p.account {
		for _, q := range c.w.principals {
			if shown := c.seen(q); shown != nil && c.w.memberOf(p, q) {
				members = append(members, ref(q, shown, ""))
			}
		}
	}
	for name, list := range map[string][]complexValue{"entitlements": values(p.entitlements), "roles": values(p.roles),
		"groups": groups, "members": members} {
		if len(list) > 0 {
			m[name] = list
		}
	}
	return m
}

// project applies the query parameters attributes and excludedAttributes to a resource. It always keeps id, schemas and
// applicationId.
func project(m map[string]any, query url.Values) map[string]any {
	names := func(parameter string) []string {
		var list []string
		for name := range strings.SplitSeq(strings.ToLower(query.Get(parameter)), ",") {
			name, _, _ = strings.Cut(strings.TrimSpace(name), ".")
			list = append(list, name)
		}
		return list
	}
	include, exclude := names("attributes"), names("excludedAttributes")
	projected := map[string]any{}
	for name, v := range m {
		always := name == "id" || name == "schemas" || name == "applicationId"
		lower := strings.ToLower(name)
		if always || (query.Get("attributes") == "" || slices.Contains(include, lower)) &&
			!slices.Contains(exclude, lower) {
			projected[name] = v
		}
	}
	return projected
}

// reduced returns the part of a resource that a caller who is no workspace admin may see.
func reduced(m map[string]any) map[string]any {
	return project(m, url.Values{"attributes": {"displayName,userName"}})
}

func (c *call) checkRead(kind principalKind) error {
	if kind == groupKind || kind == servicePrincipalKind && c.w.switches.ServicePrincipalsAdminOnly {
		return c.scimAdminsOnly(kind)
	}
	return nil
}

func (c *call) shown(m map[string]any) map[string]any {
	if !c.w.isAdmin(c.who) {
		m = reduced(m)
	}
	return project(m, c.r.URL.Query())
}

func (c *call) getResource(kind principalKind) (any, error) {
	if err := c.checkRead(kind); err != nil {
		return nil, err
	}
	p, err := c.scimFind(kind)
	if err != nil {
		return nil, err
	}
	shown := c.seen(p)
	if shown == nil {
		return nil, c.scimNotFound(kind, p.id)
	}
	return c.shown(c.resource(shown)), nil
}

func (c *call) listResources(kind principalKind) (any, error) {
	if err := c.checkRead(kind); err != nil {
		return nil, err
	}
	query := c.r.URL.Query()
	number := func(name string, byDefault int) (int, error) {
		if query.Get(name) == "" {
			return byDefault, nil
		}
		n, err := strconv.Atoi(query.Get(name))
		if err != nil {
			return 0, scimRefuse(http.StatusBadRequest, "invalidValue", "%s must be a number.", name)
		}
		return n, nil
	}
	start, err := number("startIndex", 1)
	if err != nil {
		return nil, err
	}
	count, err := number("count", len(c.w.principals))
	if err != nil {
		return nil, err
	}
	start, count = max(start, 1), max(count, 0)
	if most := c.w.switches.SCIMPageSize; most > 0 {
		count = min(count, most)
	}
	keep, err := parseFilter(kind, query.Get("filter"))
	if err != nil {
		return nil, err
	}
	found := []map[string]any{}
	for _, p := range slices.Concat(c.w.principals, c.lingering()) {
		if p.kind != kind {
			continue
		}
		if p = c.seen(p); p == nil {
			continue
		}
		if m := c.resource(p); keep(m) {
			found = append(found, m)
		}
	}
	if err := sortResources(kind, found, query); err != nil {
		return nil, err
	}
	// A page past the end is empty, because clients request pages until they get an empty one.
	page := found[min(start-1, len(found)):]
	page = page[:min(count, len(page))]
	answer := map[string]any{"schemas": []string{schemaList}, "totalResults": len(found), "startIndex": start,
		"itemsPerPage": len(page)}
	resources := []map[string]any{}
	for _, m := range page {
		resources = append(resources, c.shown(m))
	}
	if len(resources) > 0 {
		answer["Resources"] = resources
	}
	return answer, nil
}

func sortResources(kind principalKind, found []map[string]any, query url.Values) error {
	by := query.Get("sortBy")
	if by == "" {
		return nil
	}
	attribute, known := filterAttributes[kind][strings.ToLower(by)]
	if !known {
		return scimRefuse(http.StatusBadRequest, "invalidValue", "Cannot sort by %s.", by)
	}
	descending := false
	switch query.Get("sortOrder") {
	case "", "ascending":
	case "descending":
		descending = true
	default:
		return scimRefuse(http.StatusBadRequest, "invalidValue", "sortOrder must be ascending or descending.")
	}
	key := func(m map[string]any) string {
		return strings.ToLower(strings.Join(attributeValues(m, attribute), ","))
	}
	slices.SortStableFunc(found, func(a, b map[string]any) int {
		if descending {
			a, b = b, a
		}
		return cmp.Compare(key(a), key(b))
	})
	return nil
}

// me returns the caller in the form of a user. For a service principal, userName is its application id.
func me(c *call) (any, error) {
	shown := c.seen(c.who)
	if shown == nil {
		shown = c.who
	}
	m := c.resource(shown)
	delete(m, "applicationId")
	m["schemas"] = []string{schemaUser, "urn:ietf:params:scim:schemas:extension:workspace:2.0:User"}
	m["userName"] = c.who.name()
	m["emails"] = []complexValue{{Value: c.who.name(), Type: "work", Primary: true}}
	return project(m, c.r.URL.Query()), nil
}
