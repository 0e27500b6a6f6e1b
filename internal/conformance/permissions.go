package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

const (
	sourcePermissions = "docs.databricks.com/api/azure/workspace/servingendpoints/setpermissions"
	sourceFactCheck   = "databricks/cli acceptance test permissions/factcheck, recorded in a cloud"
	tokensList        = "/api/2.0/permissions/authorization/tokens"
)

// permissionChecks returns the checks about access lists.
func permissionChecks() []Check {
	return []Check{
		{
			Name:      "permissions/shape",
			Statement: "A list names its object, and says of each permission whether it is inherited.",
			Source:    "databricks/cli testserver/permissions.go and commit 3a9ab07dea",
			Expected:  "object_id /serving-endpoints/<id>, admins inherit CAN_MANAGE",
			run:       permissionsShape},
		{
			Name:      "permissions/inherited-from",
			Statement: "Admins inherit from /serving-endpoints/.",
			Switches:  []string{"InheritedFromObject"},
			Source:    "by analogy with /jobs/ and /sql/warehouses/, which are recorded",
			Expected:  "/serving-endpoints/",
			run:       inheritedFrom},
		{
			Name:      "permissions/levels",
			Statement: "Endpoints know exactly three levels.",
			Source:    "databricks-sdk-go service/serving/model.go",
			Expected:  "CAN_MANAGE, CAN_QUERY, CAN_VIEW",
			run: func(ctx context.Context, p *probe) Outcome {
				l, err := p.readableList(ctx)
				if err != nil {
					return failed(err)
				}
				a := p.get(ctx, l.path()+"/permissionLevels")
				levels := map[string]bool{}
				for _, level := range a.items("permission_levels") {
					name, _ := level["permission_level"].(string)
					levels[name] = true
				}
				seen := strings.Join(slices.Sorted(maps.Keys(levels)), ", ")
				if seen != "CAN_MANAGE, CAN_QUERY, CAN_VIEW" {
					return wrong("%s: %s", a, seen)
				}
				return holds("%s", seen)
			}},
		{
			Name:      "permissions/name",
			Statement: "An endpoint's name is no id.",
			Switches:  []string{"NotAnEndpointID"},
			Source:    "mondoohq/mql pull request 9770",
			Expected:  "400 INVALID_PARAMETER_VALUE '…' is not a valid Inference Endpoint ID.",
			run: func(ctx context.Context, p *probe) Outcome {
				name := p.prefix + "nothing"
				return refusal(p.get(ctx, accessList{id: name}.path()), "NotAnEndpointID", 400,
					"INVALID_PARAMETER_VALUE",
					"'{}' is not a valid Inference Endpoint ID.", name)
			}},
		{
			Name:      "permissions/unknown-id",
			Statement: "An id that nothing has is refused.",
			Switches:  []string{"UnknownEndpointID"},
			Source:    sourcePermissions + "; the text is not recorded",
			Expected:  "404 RESOURCE_DOES_NOT_EXIST",
			run: func(ctx context.Context, p *probe) Outcome {
				id := randomHex(16)
				return refusal(p.get(ctx, accessList{id: id}.path()), "UnknownEndpointID", 404,
					"RESOURCE_DOES_NOT_EXIST",
					"Inference endpoint with ID {} does not exist.", id)
			}},
		{
			Name:      "permissions/no-id",
			Statement: "An empty id is no API.",
			Source:    "mondoohq/mql pull request 9770",
			Expected:  "404 ENDPOINT_NOT_FOUND",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, accessList{}.path())
				return byAnswer(a, a.refused(404, "ENDPOINT_NOT_FOUND"))
			}},
		{
			Name:      "permissions/tokens",
			Statement: "Admins hold the list of tokens directly.",
			Source:    "terraform-provider-databricks exporter/test-data/get-tokens-permissions.json",
			Expected:  "object_type tokens, admins CAN_MANAGE not inherited",
			run:       tokensShape},
		{
			Name:      "permissions/users-and-tokens",
			Statement: "The group users may not use tokens from the start.",
			Switches:  []string{"UsersMayUseTokens"},
			Source:    "learn.microsoft.com/azure/databricks/security/auth/api-access-permissions; workspaces differ",
			Expected:  "users are not on the list",
			run: func(ctx context.Context, p *probe) Outcome {
				a, err := p.tokenRows(ctx)
				if err != nil {
					return failed(err)
				}
				if slices.ContainsFunc(a, ofEverybody) {
					return open("users are on the list", workspaceSwitch("UsersMayUseTokens", true))
				}
				return open("users are not on the list")
			}},

		{
			Name: "permissions/grant", Writes: true,
			Statement: "PATCH adds a right and leaves the others.",
			Source:    sourcePermissions,
			Expected:  "CAN_VIEW, the others as before",
			run: func(ctx context.Context, p *probe) Outcome {
				g, err := p.granted(ctx)
				if err != nil {
					return failed(err)
				}
				rows := p.get(ctx, g.list.path()).items("access_control_list")
				level, _ := levelOf(rows, g.to.applicationID)
				others := func(rows []object) string {
					return canonical(direct(rows, func(row object) bool { return !p.isOwn(row) }))
				}
				if level != "CAN_VIEW" || others(rows) != others(g.rowsBefore) {
					return wrong("%q, %d rows before and %d now", level, len(g.rowsBefore), len(rows))
				}
				return holds("CAN_VIEW, the others as before")
			}},
		{
			Name: "permissions/known", Writes: true,
			Statement: "Access lists know a new service principal at once.",
			Switches:  []string{"AccessPlaneDelay"},
			Source:    "reported: unknown for up to ten minutes",
			Expected:  "at once",
			run: func(ctx context.Context, p *probe) Outcome {
				g, err := p.granted(ctx)
				if err != nil {
					return failed(err)
				}
				return late(g.after, "AccessPlaneDelay")
			}},
		{
			Name: "permissions/patch-answer", Writes: true,
			Statement: "PATCH answers with the whole list.",
			Switches:  []string{"PatchShowsPart"},
			Source:    sourcePermissions,
			Expected:  "with the inherited right of admins",
			run:       patchAnswer},
		{
			Name: "permissions/raise", Writes: true,
			Statement: "PATCH raises a level.",
			Source:    sourcePermissions,
			Expected:  "CAN_MANAGE",
			run: func(ctx context.Context, p *probe) Outcome {
				g, err := p.granted(ctx)
				if err != nil {
					return failed(err)
				}
				a := p.send(ctx, "PATCH", g.list.path(), entries(entry(g.to.applicationID, "CAN_MANAGE")))
				if level := p.level(ctx, g.list, g.to.applicationID); !a.ok() || level != "CAN_MANAGE" {
					return wrong("%s, then %q", a, level)
				}
				return holds("CAN_MANAGE")
			}},
		{
			Name: "permissions/lower", Writes: true,
			Statement: "PATCH lowers a level.",
			Switches:  []string{"PatchNeverLowers"},
			Source:    "not recorded for endpoints",
			Expected:  "CAN_QUERY",
			run:       patchLowers},
		{
			Name: "permissions/last-wins", Writes: true,
			Statement: "Of two entries for one principal the last one counts.",
			Source:    sourceFactCheck,
			Expected:  "CAN_MANAGE",
			run: func(ctx context.Context, p *probe) Outcome {
				g, err := p.granted(ctx)
				if err != nil {
					return failed(err)
				}
				twice := entries(entry(g.to.applicationID, "CAN_VIEW"), entry(g.to.applicationID, "CAN_MANAGE"))
				a := p.send(ctx, "PATCH", g.list.path(), twice)
				if level := p.level(ctx, g.list, g.to.applicationID); !a.ok() || level != "CAN_MANAGE" {
					return wrong("%s, then %q", a, level)
				}
				return holds("CAN_MANAGE")
			}},
		{
			Name: "permissions/empty-patch", Writes: true,
			Statement: "PATCH with an empty list changes nothing.",
			Switches:  []string{"EmptyPatchRefused"},
			Source:    "not recorded",
			Expected:  "200",
			run: func(ctx context.Context, p *probe) Outcome {
				g, err := p.granted(ctx)
				if err != nil {
					return failed(err)
				}
				switch a := p.send(ctx, "PATCH", g.list.path(), entries([]object{}...)); {
				case a.err != nil:
					return failed(a.err)
				case a.ok():
					return open("200")
				case a.status == 400:
					return open(a.String(), workspaceSwitch("EmptyPatchRefused", true))
				default:
					return wrong("%s", a)
				}
			}},
		{
			Name: "permissions/user-name", Writes: true,
			Statement: "A service principal written as user_name is shown as service_principal_name.",
			Switches:  []string{"UserNameEchoed"},
			Source:    "databricks/cli acceptance test model_serving_endpoints/basic",
			Expected:  "service_principal_name",
			run:       userName},
		{
			Name: "permissions/unknown-principal", Writes: true,
			Statement: "A principal that is not there is refused by its typed name.",
			Switches:  []string{"UnknownPrincipal"},
			Source:    "terraform-provider-databricks issue 1415; older builds answer 400",
			Expected:  "404 RESOURCE_DOES_NOT_EXIST Principal: ServicePrincipalName(…) does not exist",
			run: func(ctx context.Context, p *probe) Outcome {
				l, err := p.writableList(ctx)
				if err != nil {
					return failed(err)
				}
				id := uuid.NewString()
				a := p.send(ctx, "PATCH", l.path(), entries(entry(id, "CAN_VIEW")))
				return refusal(a, "UnknownPrincipal", 404, "RESOURCE_DOES_NOT_EXIST",
					"Principal: {} does not exist", "ServicePrincipalName("+id+")")
			}},
		{
			Name: "permissions/put-removes", Writes: true,
			Statement: "PUT removes who is not on the new list, and nobody else.",
			Source:    sourcePermissions,
			Expected:  "removed, the others as before",
			run:       putRemoves},
		{
			Name: "permissions/stale-grants", Writes: true,
			Statement: "A deleted service principal leaves the access lists.",
			Switches:  []string{"StaleGrantsShown"},
			Source:    "not recorded",
			Expected:  "not on the list",
			run:       staleGrants},
	}
}

func permissionsShape(ctx context.Context, p *probe) Outcome {
	l, err := p.readableList(ctx)
	if err != nil {
		return failed(err)
	}
	a := p.get(ctx, l.path())
	if !a.ok() || a.text("object_id") != "/serving-endpoints/"+l.id || a.text("object_type") != "serving-endpoint" {
		return wrong("%s, object_id %q, object_type %q", a, a.text("object_id"), a.text("object_type"))
	}
	admins := false
	for _, row := range a.items("access_control_list") {
		for _, permission := range items(row["all_permissions"]) {
			inherited, present := permission["inherited"].(bool)
			if !present {
				return wrong("a permission without inherited")
			}
			admins = admins || inherited && row["group_name"] == "admins" &&
				permission["permission_level"] == "CAN_MANAGE"
		}
	}
	if !admins {
		return wrong("admins do not inherit CAN_MANAGE")
	}
	return holds("object_id %s, admins inherit CAN_MANAGE", a.text("object_id"))
}

func inheritedFrom(ctx context.Context, p *probe) Outcome {
	l, err := p.readableList(ctx)
	if err != nil {
		return failed(err)
	}
	a := p.get(ctx, l.path())
	for _, row := range a.items("access_control_list") {
		for _, permission := range items(row["all_permissions"]) {
			from, _ := permission["inherited_from_object"].([]any)
			if permission["inherited"] != true || len(from) == 0 {
				continue
			}
			if name := fmt.Sprint(from[0]); name != "/serving-endpoints/" {
				return open(name, workspaceSwitch("InheritedFromObject", name))
			}
			return open("/serving-endpoints/")
		}
	}
	return wrong("%s: no permission says from where it is inherited", a)
}

// tokenRows returns the rows of the access list that says who may use tokens. Only admins may read this list.
func (p *probe) tokenRows(ctx context.Context) ([]object, error) {
	a := p.get(ctx, tokensList)
	switch {
	case a.err != nil:
		return nil, a.err
	case a.status == 403:
		return nil, needsAdmin
	case a.refused(404, "RESOURCE_DOES_NOT_EXIST"):
		return nil, missing("needs a workspace that has made a token")
	case !a.ok():
		return nil, fmt.Errorf("%s", a)
	}
	return a.items("access_control_list"), nil
}

func tokensShape(ctx context.Context, p *probe) Outcome {
	rows, err := p.tokenRows(ctx)
	if err != nil {
		return failed(err)
	}
	for _, row := range rows {
		for _, permission := range items(row["all_permissions"]) {
			manage := permission["permission_level"] == "CAN_MANAGE" && permission["inherited"] == false
			if manage && row["group_name"] == "admins" {
				return holds("admins CAN_MANAGE not inherited")
			}
		}
	}
	return wrong("%d rows, without that of admins", len(rows))
}

// ofEverybody reports whether a row of an access list belongs to the group users, which contains all users of the
// workspace.
func ofEverybody(row object) bool { return row["group_name"] == "users" }

// canonical returns the entries as sorted lines of text, so that two lists can be compared.
func canonical(entries []object) string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprint(e)) // fmt sorts the keys of a map
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func patchAnswer(ctx context.Context, p *probe) Outcome {
	g, err := p.granted(ctx)
	if err != nil {
		return failed(err)
	}
	rows := g.answer.items("access_control_list")
	if level, _ := levelOf(rows, g.to.applicationID); level == "" {
		return wrong("%s: without what was written", g.answer)
	}
	if slices.ContainsFunc(rows, func(row object) bool { return row["group_name"] == "admins" }) {
		return open(fmt.Sprintf("%d rows", len(rows)))
	}
	return open(fmt.Sprintf("%d rows, without admins", len(rows)), workspaceSwitch("PatchShowsPart", true))
}

func patchLowers(ctx context.Context, p *probe) Outcome {
	g, err := p.granted(ctx)
	if err != nil {
		return failed(err)
	}
	for _, level := range []string{"CAN_MANAGE", "CAN_QUERY"} {
		if a := p.send(ctx, "PATCH", g.list.path(), entries(entry(g.to.applicationID, level))); !a.ok() {
			return byAnswer(a, false)
		}
	}
	switch level := p.level(ctx, g.list, g.to.applicationID); level {
	case "CAN_QUERY":
		return open(level)
	case "CAN_MANAGE":
		return open(level, workspaceSwitch("PatchNeverLowers", true))
	default:
		return wrong("%q", level)
	}
}

func userName(ctx context.Context, p *probe) Outcome {
	g, err := p.granted(ctx)
	if err != nil {
		return failed(err)
	}
	// The new level must differ from the current level. Otherwise the service might not write the row again.
	level := "CAN_MANAGE"
	if p.level(ctx, g.list, g.to.applicationID) == level {
		level = "CAN_QUERY"
	}
	a := p.send(ctx, "PATCH", g.list.path(),
		entries(object{"user_name": g.to.applicationID, "permission_level": level}))
	if !a.ok() {
		return byAnswer(a, false)
	}
	switch _, field := levelOf(p.get(ctx, g.list.path()).items("access_control_list"), g.to.applicationID); field {
	case "service_principal_name":
		return open(field)
	case "user_name":
		return open(field, workspaceSwitch("UserNameEchoed", true))
	}
	return wrong("not on the list")
}

func putRemoves(ctx context.Context, p *probe) Outcome {
	g, err := p.granted(ctx)
	if err != nil {
		return failed(err)
	}
	others := func() string {
		rows := p.get(ctx, g.list.path()).items("access_control_list")
		return canonical(direct(rows, func(row object) bool { return !p.isOwn(row) }))
	}
	before := others()
	if err := p.dropOwnGrants(ctx, g.list); err != nil {
		return wrong("%s", err)
	}
	if level := p.level(ctx, g.list, g.to.applicationID); level != "" || others() != before {
		return wrong("%q", level)
	}
	return holds("removed, the others as before")
}

func staleGrants(ctx context.Context, p *probe) Outcome {
	g, err := p.granted(ctx)
	if err != nil {
		return failed(err)
	}
	if a := p.send(ctx, "PATCH", g.list.path(), entries(entry(g.to.applicationID, "CAN_VIEW"))); !a.ok() {
		return byAnswer(a, false)
	}
	if a := p.send(ctx, "DELETE", principals+"/"+g.to.id, nil); !a.ok() {
		return byAnswer(a, false)
	}
	var rows answer
	if _, gone := p.eventually(ctx, func() bool {
		rows = p.get(ctx, g.list.path())
		return rows.ok() && p.levelIn(rows, g.to.applicationID) == ""
	}); gone {
		return open("not on the list")
	}
	if !rows.ok() {
		return byAnswer(rows, false)
	}
	return open(fmt.Sprintf("on the list after %s", p.wait), workspaceSwitch("StaleGrantsShown", true))
}

func (p *probe) levelIn(a answer, applicationID string) string {
	level, _ := levelOf(a.items("access_control_list"), applicationID)
	return level
}
