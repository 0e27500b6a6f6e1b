package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// PATCH of RFC 7644 section 3.5.2 on service principals and groups, with the restrictions of
// docs.databricks.com/api/azure/workspace/serviceprincipals/patch.

type patchOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"` // nil only if the operation has no value
}

// patchPath matches an attribute name, optionally with a filter that selects the element of a list with a given value.
var patchPath = regexp.MustCompile(`^([A-Za-z]+)(?:\[\s*value\s+(?i:eq)\s+(?:"([^"]*)"|'([^']*)'|([^"'\s\]]+))\s*\])?$`)

func badPatch(scimType, format string, args ...any) error {
	return scimRefuse(http.StatusBadRequest, scimType, format, args...)
}

func noSuchAttribute(name string) error {
	return badPatch("invalidPath", "No such attribute with the name : %s in the current resource", name)
}

func (c *call) patchResource(kind principalKind) (any, error) {
	if err := c.scimAdminsOnly(kind); err != nil {
		return nil, err
	}
	p, err := c.scimFind(kind)
	if err != nil {
		return nil, err
	}
	var request struct {
		Schemas    []string         `json:"schemas"`
		Operations []patchOperation `json:"Operations"`
	}
	if err := c.scimDecode(&request); err != nil {
		return nil, err
	}
	if !slices.Contains(request.Schemas, schemaPatch) {
		return nil, badPatch("invalidSyntax", "schemas must contain %s.", schemaPatch)
	}
	if len(request.Operations) == 0 {
		return nil, badPatch("invalidSyntax", "Operations must be given.")
	}
	if p.account {
		return nil, c.w.switches.AccountGroup.or(http.StatusForbidden, "", "Group {} is managed by the account and "+
			"cannot be changed in a workspace.", p.displayName)
	}
	d := c.draftOf(p)
	for _, operation := range request.Operations {
		if err := c.patch(d, operation); err != nil {
			return nil, err
		}
	}
	c.commit(p, d)
	if c.w.switches.PatchAnswersEmpty {
		return noContent{}, nil
	}
	return c.written(p), nil
}

func (c *call) patch(d *draft, o patchOperation) error {
	op := strings.ToLower(o.Op)
	if op != "add" && op != "replace" && op != "remove" {
		return badPatch("invalidSyntax", "Operation '%s' is not supported.", o.Op)
	}
	if o.Path == "" {
		if op == "remove" {
			return badPatch("noTarget", "A remove operation must have a path.")
		}
		var attributes map[string]json.RawMessage
		if err := json.Unmarshal(o.Value, &attributes); err != nil || attributes == nil {
			return badPatch("invalidValue", "An operation without a path must have an object as its value.")
		}
		for name, value := range attributes {
			if err := c.patch(d, patchOperation{Op: op, Path: name, Value: value}); err != nil {
				return err
			}
		}
		return nil
	}
	match := patchPath.FindStringSubmatch(o.Path)
	if match == nil {
		return badPatch("invalidPath", "The path '%s' is not valid.", o.Path)
	}
	filtered := strings.Contains(o.Path, "[")
	one := match[2] + match[3] + match[4]
	name := match[1]
	switch strings.ToLower(name) {
	case "active", "displayname", "externalid":
		if filtered {
			return badPatch("invalidPath", "The path '%s' is not valid.", o.Path)
		}
		held := d.displayName
		if err := d.patchScalar(op, name, o.Value); err != nil {
			return err
		}
		return d.rename(held, c.w.switches.RenameByPatch)
	case "entitlements":
		// Only for entitlements may a remove operation name the values to remove in its value.
		list, err := patchList(op, "entitlements", d.entitlements, filtered, one, o.Value, true)
		if err == nil {
			d.entitlements, err = c.checkedEntitlements(list)
		}
		return err
	case "roles":
		list, err := patchList(op, "roles", d.roles, filtered, one, o.Value, false)
		d.roles = list
		return err
	case "groups":
		list, err := patchList(op, "groups", d.groups, filtered, one, o.Value, false)
		if err == nil {
			err = c.checkGroups(list)
		}
		d.groups = list
		return err
	case "members":
		if d.kind == groupKind {
			return c.patchMembers(d, op, filtered, one, o.Value)
		}
	case "id", "applicationid", "username", "schemas", "meta":
		return badPatch("mutability", "Attribute '%s' cannot be changed.", name)
	}
	return badPatch("invalidPath", "Attribute '%s' is not defined.", name)
}

func (c *call) patchMembers(d *draft, op string, filtered bool, one string, value json.RawMessage) error {
	if d.id == c.w.users.id {
		return usersAreFixed()
	}
	var held []string
	for id := range d.members {
		held = append(held, id)
	}
	list, err := patchList(op, "members", held, filtered, one, value, false)
	if err != nil {
		return err
	}
	if err := c.checkMembers(c.w.byID(d.id), list); err != nil {
		return err
	}
	d.members = map[string]bool{}
	for _, id := range list {
		d.members[id] = true
	}
	return nil
}

func (d *draft) patchScalar(op, name string, raw json.RawMessage) error {
	lower := strings.ToLower(name)
	if op == "remove" {
		switch {
		case raw != nil:
			return badPatch("invalidValue", "A remove operation must not have a value.")
		case lower != "externalid":
			return badPatch("mutability", "Attribute '%s' cannot be removed.", name)
		case d.externalID == "":
			return noSuchAttribute(name)
		}
		d.externalID = ""
		return nil
	}
	text, ok := scalar(raw)
	if !ok {
		return badPatch("invalidValue", "The value of '%s' is not valid.", name)
	}
	switch lower {
	case "active":
		if d.kind == groupKind {
			return badPatch("invalidPath", "Attribute '%s' is not defined.", name)
		}
		if !strings.EqualFold(text, "true") && !strings.EqualFold(text, "false") {
			return badPatch("invalidValue", "The value of 'active' must be true or false.")
		}
		d.active = strings.EqualFold(text, "true")
	case "displayname":
		if text == "" {
			return badPatch("invalidValue", "displayName must not be empty.")
		}
		if d.kind == groupKind && (d.displayName == "admins" || d.displayName == "users") {
			return badPatch("mutability", "Group '%s' is a system group and cannot be renamed.", d.displayName)
		}
		d.displayName = text
	case "externalid":
		if len(text) > maxExternalID {
			return badPatch("invalidValue", "externalId must be at most %d characters.", maxExternalID)
		}
		d.externalID = text
	}
	return nil
}

// rename applies, ignores or refuses the new name of a service principal, depending on answer. held is the old name.
func (d *draft) rename(held string, answer RenameAnswer) error {
	if d.kind != servicePrincipalKind || d.displayName == held {
		return nil
	}
	switch answer {
	case RenameRefused:
		return badPatch("mutability", "Attribute '%s' cannot be changed.", "displayName")
	case RenameIgnored:
		d.displayName = held
	}
	return nil
}

// written returns the answer to a request that changed a principal.
func (c *call) written(p *principal) any {
	if c.w.switches.SCIMWritesAnswerNothing {
		return nil
	}
	return c.resource(p)
}

// scalar returns a string or boolean as text. It reads "x", true, and the form [{"value": "x"}] that some clients send.
func scalar(raw json.RawMessage) (string, bool) {
	var list []struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(raw, &list); err == nil && len(list) == 1 {
		raw = list[0].Value
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// patchList applies one PATCH operation to a list of values, and returns the new list.
func patchList(
	op, name string, held []string, filtered bool, one string, raw json.RawMessage, removeByValue bool,
) ([]string, error) {
	if op == "remove" {
		if raw != nil && (filtered || !removeByValue) {
			return nil, badPatch("invalidValue", "A remove operation on '%s' must not have a value.", name)
		}
		if len(held) == 0 {
			return nil, noSuchAttribute(name)
		}
		gone := held
		switch {
		case filtered:
			gone = []string{one}
		case raw != nil:
			var err error
			if gone, err = listValues(name, raw); err != nil {
				return nil, err
			}
		}
		return slices.DeleteFunc(slices.Clone(held), func(v string) bool { return slices.Contains(gone, v) }), nil
	}
	if filtered {
		return nil, badPatch("noTarget", "A path with a filter can only be removed.")
	}
	given, err := listValues(name, raw)
	if err != nil || op == "replace" {
		return given, err
	}
	list := slices.Clone(held)
	for _, v := range given {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list, nil
}

// listValues reads the values of a list [{"value": "x"}, …] or of a single object {"value": "x"}.
func listValues(name string, raw json.RawMessage) ([]string, error) {
	var list []complexValue
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		var single complexValue
		if err := json.Unmarshal(raw, &single); err != nil || single.Value == "" {
			return nil, badPatch("invalidValue", "The value of '%s' must be a list of objects with a value.", name)
		}
		list = []complexValue{single}
	}
	return plainValues(list), nil
}
