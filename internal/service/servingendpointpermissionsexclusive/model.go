package servingendpointpermissionsexclusive

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type exclusiveModel struct {
	ID                types.String   `tfsdk:"id"`
	EndpointName      types.String   `tfsdk:"endpoint_name"`
	EndpointID        types.String   `tfsdk:"endpoint_id"`
	ServicePrincipals types.Map      `tfsdk:"service_principals"`
	Users             types.Map      `tfsdk:"users"`
	Groups            types.Map      `tfsdk:"groups"`
	IgnorePrincipals  types.Set      `tfsdk:"ignore_principals"`
	OnUnlisted        types.String   `tfsdk:"on_unlisted"`
	RemovedOnCreate   types.List     `tfsdk:"removed_on_create"`
	WorkspaceID       types.String   `tfsdk:"workspace_id"`
	Timeouts          timeouts.Value `tfsdk:"timeouts"`
}

// levelMap is one of the three map attributes of the model, each for one kind of principal.
type levelMap struct {
	attribute string
	kind      acl.Kind
	value     *types.Map
}

func (m *exclusiveModel) maps() []levelMap {
	return []levelMap{
		{"service_principals", acl.ServicePrincipal, &m.ServicePrincipals},
		{"users", acl.User, &m.Users},
		{"groups", acl.Group, &m.Groups},
	}
}

// attributeOf returns the name of the map attribute that holds the principals of a kind.
func attributeOf(kind acl.Kind) string {
	var m exclusiveModel
	for _, l := range m.maps() {
		if l.kind == kind {
			return l.attribute
		}
	}
	return ""
}

// grants maps the key of a principal to its direct grant. The entry keeps the spelling of the principal's name.
type grants map[acl.Principal]acl.Entry

// without returns the grants whose key no predicate matches.
func (g grants) without(others ...func(acl.Principal) bool) grants {
	left := grants{}
	for key, e := range g {
		if !slices.ContainsFunc(others, func(in func(acl.Principal) bool) bool { return in(key) }) {
			left[key] = e
		}
	}
	return left
}

func (g grants) has(key acl.Principal) bool { _, ok := g[key]; return ok }

// sorted returns the grants as a sorted list.
func (g grants) sorted() acl.List {
	list := make(acl.List, 0, len(g))
	for _, e := range g {
		list = append(list, e)
	}
	return sorted(list)
}

// only returns the entries of a list whose key keep matches.
func only(list acl.List, keep func(acl.Principal) bool) acl.List {
	var kept acl.List
	for _, e := range list {
		if keep(e.Key()) {
			kept = append(kept, e)
		}
	}
	return kept
}

func not(match func(acl.Principal) bool) func(acl.Principal) bool {
	return func(key acl.Principal) bool { return !match(key) }
}

func sorted(list acl.List) acl.List {
	slices.SortFunc(list, func(a, b acl.Entry) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// principalSet is a set of the keys of principals.
type principalSet map[acl.Principal]bool

func (s principalSet) has(key acl.Principal) bool { return s[key] }

// accessList is the access list of one endpoint, as a configuration or a state describes it.
type accessList struct {
	Endpoint   string // name
	EndpointID string // empty if it must be looked up by name
	Grants     grants
	Ignored    principalSet
	OnUnlisted string
	Removed    []string // the grants that the creation removes, as in removed_on_create
}

// String returns the description of the access list for messages.
func (w accessList) String() string { return "the access list of serving endpoint " + w.Endpoint }

func (m *exclusiveModel) toAccessList() accessList {
	w := accessList{
		Endpoint:   m.EndpointName.ValueString(),
		EndpointID: strings.ToLower(m.EndpointID.ValueString()), // empty when unknown
		Grants:     grants{},
		Ignored:    principals(m.IgnorePrincipals),
		OnUnlisted: m.OnUnlisted.ValueString(),
	}
	for _, l := range m.maps() {
		for name, level := range l.value.Elements() {
			p := acl.Principal{Kind: l.kind, Name: name}
			s, _ := level.(types.String)
			w.Grants[p.Key()] = acl.Entry{Principal: p, Direct: acl.Level(s.ValueString())}
		}
	}
	for _, e := range m.RemovedOnCreate.Elements() {
		if s, ok := e.(types.String); ok {
			w.Removed = append(w.Removed, s.ValueString())
		}
	}
	return w
}

// whoIsKnown reports whether all listed and ignored principals are known. Their levels may be unknown.
func (m *exclusiveModel) whoIsKnown() bool {
	for _, l := range m.maps() {
		if l.value.IsUnknown() {
			return false
		}
	}
	return m.ignoredAreKnown()
}

func (m *exclusiveModel) ignoredAreKnown() bool {
	return !m.IgnorePrincipals.IsUnknown() && !slices.ContainsFunc(m.IgnorePrincipals.Elements(), attr.Value.IsUnknown)
}

// principals parses strings of the form kind=NAME. It leaves out strings that are unknown or have no kind.
func principals(set types.Set) principalSet {
	found := principalSet{}
	for _, s := range fwkit.FromStrings(set) {
		if p, ok := parsePrincipal(s); ok {
			found[p.Key()] = true
		}
	}
	return found
}

func parsePrincipal(s string) (acl.Principal, bool) {
	attribute, name := fwkit.SplitPrincipal(s)
	return acl.Principal{Kind: acl.Kind(attribute), Name: name}, attribute != "" && name != ""
}

// show writes the access list that the service returned into the model, and returns the unlisted grants that the model
// does not show. With on_unlisted = "remove" the maps show every grant, so that the diff shows removals. Otherwise they
// show only the principals that they held before. Principals keep their spelling.
func (m *exclusiveModel) show(endpointID string, list acl.List, workspaceID string) (unlisted acl.List) {
	have := m.toAccessList()
	extra := have.unlisted(list)
	shown := map[acl.Kind]map[string]attr.Value{}
	show := func(p acl.Principal, level acl.Level) {
		if shown[p.Kind] == nil {
			shown[p.Kind] = map[string]attr.Value{}
		}
		shown[p.Kind][p.Name] = types.StringValue(string(level))
	}
	for _, e := range list {
		if mine, ok := have.Grants[e.Key()]; ok && e.Direct != "" {
			show(mine.Principal, e.Direct)
		}
	}
	if have.OnUnlisted == onUnlistedRemove {
		for _, e := range extra {
			show(e.Principal, e.Direct)
		}
		extra = nil
	}
	for _, l := range m.maps() {
		if elements := shown[l.kind]; len(elements) > 0 {
			*l.value = types.MapValueMust(types.StringType, elements)
		} else if !l.value.IsNull() { // null and an empty map mean the same, so the state keeps the configured form
			*l.value = types.MapValueMust(types.StringType, map[string]attr.Value{})
		}
	}
	m.EndpointID = fwkit.SameID(m.EndpointID, endpointID)
	m.WorkspaceID = fwkit.String(workspaceID)
	return extra
}

// grantTexts returns the grants as texts, sorted; see [grantText].
func grantTexts(list acl.List) []string {
	texts := make([]string, 0, len(list))
	for _, e := range list {
		texts = append(texts, grantText(e))
	}
	slices.Sort(texts)
	return texts
}

// grantText returns a grant in the form of an element of the attribute removed_on_create, such as
// "user_name/ada@example.com CAN_VIEW".
func grantText(e acl.Entry) string { return string(e.Kind) + "/" + e.Name + " " + string(e.Direct) }

func stringList(values []string) types.List {
	elements := make([]attr.Value, 0, len(values))
	for _, v := range values {
		elements = append(elements, types.StringValue(v))
	}
	return types.ListValueMust(types.StringType, elements)
}

// The keys of two notes in private state. A note counts only for the endpoint with the id in the note.
const (
	appliedKey  = "applied"  // grants that destroying may remove
	unlistedKey = "unlisted" // unlisted grants that Read found and the plan must report
)

// note is a list of grants that private state holds for one endpoint.
type note struct {
	EndpointID string
	Grants     acl.List
}

// noteJSON is a note as private state holds it. Its names are short, because a state may hold a thousand grants.
type noteJSON struct {
	EndpointID string      `json:"endpoint_id"`
	Grants     []grantJSON `json:"grants"`
}

type grantJSON struct {
	Kind        acl.Kind  `json:"k"`
	Name        string    `json:"n"`
	DisplayName string    `json:"d,omitempty"`
	Level       acl.Level `json:"l,omitempty"`
}

func (n note) MarshalJSON() ([]byte, error) {
	stored := noteJSON{EndpointID: n.EndpointID, Grants: make([]grantJSON, 0, len(n.Grants))}
	for _, e := range n.Grants {
		stored.Grants = append(stored.Grants, grantJSON{e.Kind, e.Name, e.DisplayName, e.Direct})
	}
	return json.Marshal(stored)
}

func (n *note) UnmarshalJSON(text []byte) error {
	var stored noteJSON
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	*n = note{EndpointID: stored.EndpointID}
	for _, g := range stored.Grants {
		p := acl.Principal{Kind: g.Kind, Name: g.Name}
		n.Grants = append(n.Grants, acl.Entry{Principal: p, DisplayName: g.DisplayName, Direct: g.Level})
	}
	return nil
}

// appliedTo returns the note about the grants that destroying may remove, after the list was written to the endpoint
// with that id.
func (w accessList) appliedTo(id string) note {
	n := note{EndpointID: id}
	for _, e := range w.Grants.sorted() {
		n.Grants = append(n.Grants, acl.Entry{Principal: e.Principal})
	}
	return n
}

// keysOf returns the keys of the principals in a list.
func keysOf(list acl.List) principalSet {
	keys := principalSet{}
	for _, e := range list {
		keys[e.Key()] = true
	}
	return keys
}

// FoundByRefresh returns the name of the attribute that a state of the official provider lacks, so that a refresh has
// to find its value.
func (exclusiveModel) FoundByRefresh() string { return "endpoint_name" }

// official is the state of a databricks_permissions, limited to the attributes that this resource can use.
// https://registry.terraform.io/providers/databricks/databricks/latest/docs/resources/permissions
type official struct {
	fwkit.OfficialProvider
	ID            string `json:"id"` // /serving-endpoints/ and the endpoint's system id
	AccessControl []struct {
		UserName             string `json:"user_name"`
		GroupName            string `json:"group_name"`
		ServicePrincipalName string `json:"service_principal_name"`
		PermissionLevel      string `json:"permission_level"`
	} `json:"access_control"`
}

// fromOfficial converts a state of the official provider, which holds the endpoint's id but not its name. A refresh
// then finds the name, and completes the list, because the official provider leaves out the identity that ran it.
func fromOfficial(state []byte) (exclusiveModel, error) {
	var o official
	if err := json.Unmarshal(state, &o); err != nil {
		return exclusiveModel{}, fmt.Errorf("the moved state cannot be read: %w", err)
	}
	id, ok := strings.CutPrefix(o.ID, "/serving-endpoints/")
	if !ok || id == "" {
		return exclusiveModel{}, fmt.Errorf(
			"the moved state is the access list of %q, but this resource manages that of a model-serving endpoint; "+
				"remove the moved block",
			o.ID,
		)
	}
	m := exclusiveModel{
		ID: types.StringValue(id), EndpointID: types.StringValue(id), OnUnlisted: types.StringValue(onUnlistedRemove),
		IgnorePrincipals: types.SetNull(types.StringType), RemovedOnCreate: stringList(nil),
		WorkspaceID: fwkit.String(o.WorkspaceID()), Timeouts: fwkit.NoTimeouts(),
	}
	levels := map[acl.Kind]map[string]attr.Value{}
	for _, e := range o.AccessControl {
		kind, name := acl.Group, e.GroupName
		switch {
		case e.ServicePrincipalName != "":
			kind, name = acl.ServicePrincipal, e.ServicePrincipalName
		case uuid.Validate(e.UserName) == nil: // the official provider accepts an application id here, too
			kind, name = acl.ServicePrincipal, e.UserName
		case e.UserName != "":
			kind, name = acl.User, e.UserName
		}
		if levels[kind] == nil {
			levels[kind] = map[string]attr.Value{}
		}
		levels[kind][name] = types.StringValue(e.PermissionLevel)
	}
	for _, l := range m.maps() {
		*l.value = types.MapNull(types.StringType)
		if len(levels[l.kind]) > 0 {
			*l.value = types.MapValueMust(types.StringType, levels[l.kind])
		}
	}
	return m, nil
}
