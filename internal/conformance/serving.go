package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const (
	sourceServing = "docs.databricks.com/api/azure/workspace/servingendpoints"
	endpointsPath = "/api/2.0/serving-endpoints"
)

// servingChecks returns the checks about serving endpoints.
func servingChecks() []Check {
	return []Check{
		{
			Name:      "serving/list",
			Statement: "Entries of the list carry the caller's level.",
			Source:    "mlflow and others read permission_level, capabilities, endpoint_type",
			Expected:  "permission_level on each",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, endpointsPath)
				if !a.ok() {
					return byAnswer(a, false)
				}
				list := a.items("endpoints")
				if len(list) == 0 {
					return skipped("needs a serving endpoint")
				}
				for _, e := range list {
					if level, _ := e["permission_level"].(string); level == "" {
						return wrong("%v has none", e["name"])
					}
				}
				return holds("on each of %d", len(list))
			}},
		{
			Name:      "serving/id",
			Statement: "An endpoint with an access list has an id of 32 hexadecimal digits.",
			Source:    sourceServing + "/get",
			Expected:  "32 digits",
			run: func(ctx context.Context, p *probe) Outcome {
				l, err := p.readableList(ctx)
				if err != nil {
					return failed(err)
				}
				a := p.get(ctx, endpointsPath+"/"+url.PathEscape(l.name))
				if !a.ok() || len(a.text("id")) != 32 || strings.Trim(a.text("id"), "0123456789abcdef") != "" {
					return wrong("%s, id %q", a, a.text("id"))
				}
				return holds("%s", a.text("id"))
			}},
		{
			Name:      "serving/unknown",
			Statement: "An endpoint that is not there is refused by name.",
			Source:    "databricks-demos/dbdemos issue 220",
			Expected:  "404 RESOURCE_DOES_NOT_EXIST",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, endpointsPath+"/"+p.prefix+"nothing")
				return byAnswer(a, a.refused(404, "RESOURCE_DOES_NOT_EXIST"))
			}},
		{
			Name:      "serving/clusters",
			Statement: "The list of clusters is answered in both versions.",
			Source:    "docs.databricks.com/api/azure/workspace/clusters/list",
			Expected:  "200 for 2.0 and 2.1",
			run: func(ctx context.Context, p *probe) Outcome {
				for _, version := range []string{"2.0", "2.1"} {
					if a := p.get(ctx, "/api/"+version+"/clusters/list"); !a.ok() || len(a.raw) == 0 {
						return byAnswer(a, false)
					}
				}
				return holds("200 for both")
			}},

		{
			Name: "serving/query-denied", Writes: true,
			Statement: "Who has no right to query is refused with 'Query' in the text.",
			Switches:  []string{"ScoringDenied"},
			Source:    "not recorded; by analogy with 'View'",
			Expected:  "403 PERMISSION_DENIED, 'Query'",
			run: func(ctx context.Context, p *probe) Outcome {
				l, err := p.strange(ctx)
				if err != nil {
					return failed(err)
				}
				a := p.query(ctx, l)
				return refusal(a, "ScoringDenied", 403, "PERMISSION_DENIED",
					"User does not have permission 'Query' on Endpoint {}", l.name)
			}},
		{
			Name: "serving/view-denied", Writes: true,
			Statement: "Who has no right on an endpoint learns that it exists.",
			Source:    "reported by four users of the service",
			Expected:  "403 PERMISSION_DENIED",
			run: func(ctx context.Context, p *probe) Outcome {
				l, err := p.strange(ctx)
				if err != nil {
					return failed(err)
				}
				a := p.second(ctx, "GET", endpointsPath+"/"+url.PathEscape(l.name), nil)
				return byAnswer(a, a.refused(403, "PERMISSION_DENIED"))
			}},
		{
			Name: "serving/grant-honoured", Writes: true,
			Statement: "A new right to query is honoured at once.",
			Switches:  []string{"GrantDelay"},
			Source:    "reported: at once, or after one or two minutes",
			Expected:  "at once",
			run:       grantHonoured},
		{
			Name: "serving/route-optimized", Writes: true,
			Statement: "A route-optimized endpoint is not called under the workspace's address.",
			Switches:  []string{"RouteOptimizedRefused"},
			Source:    "learn.microsoft.com/azure/databricks/machine-learning/model-serving/query-route-optimization",
			Expected:  "401",
			run:       routeOptimized},
		{
			Name: "serving/deleted-list", Writes: true,
			Statement: "The access list of a deleted endpoint is read and written as before.",
			Switches:  []string{"DeletedListGone", "DeletedListReadOnly"},
			Source: "databricks/cli acceptance test drift/recreated_same_name; whether it can be written is " +
				"not recorded",
			Expected: "200 and 200",
			run:      deletedList},
		{
			Name: "serving/recreated", Writes: true,
			Statement: "A re-created endpoint has another id.",
			Source:    "databricks/cli acceptance test drift/recreated_same_name",
			Expected:  "another id",
			run:       recreated},
	}
}

// strange returns an endpoint on which the second application has no permission. It first adds the second application
// to the workspace.
func (p *probe) strange(ctx context.Context) (accessList, error) {
	if _, err := p.workspaceMember(ctx); err != nil {
		return accessList{}, err
	}
	l, err := p.writableList(ctx)
	if lacking, ok := errors.AsType[missing](err); ok {
		if l, err = p.readableList(ctx); err != nil {
			return l, lacking
		}
	}
	if err == nil && slices.ContainsFunc(p.get(ctx, l.path()).items("access_control_list"), ofEverybody) {
		return l, missing("all users have a right on the endpoint " + l.name)
	}
	return l, err
}

// query sends a request to a serving endpoint's model as the second application. The input fits no model, because only
// the decision about access matters.
func (p *probe) query(ctx context.Context, l accessList) answer {
	return p.second(ctx, "POST", invocations(l.name), object{"inputs": []string{}})
}

func invocations(endpoint string) string {
	return "/serving-endpoints/" + url.PathEscape(endpoint) + "/invocations"
}

func grantHonoured(ctx context.Context, p *probe) Outcome {
	second, err := p.workspaceMember(ctx)
	if err != nil {
		return failed(err)
	}
	l, err := p.writableList(ctx)
	if err != nil {
		return failed(err)
	}
	if a := p.query(ctx, l); a.status != 403 {
		return skipped(fmt.Sprintf("the second application may query before it is granted anything: %s", a))
	}
	var granted answer
	if _, ok := p.eventually(ctx, func() bool {
		granted = p.send(ctx, "PATCH", l.path(), entries(entry(second.applicationID, "CAN_QUERY")))
		return granted.ok()
	}); !ok {
		return byAnswer(granted, false)
	}
	var a answer
	after, ok := p.eventually(ctx, func() bool {
		a = p.query(ctx, l)
		return a.err == nil && a.status != 403
	})
	if !ok {
		return open(fmt.Sprintf("not within %s: %s", p.wait, a), workspaceSwitch("GrantDelay", p.wait.String()))
	}
	return late(after, "GrantDelay")
}

func routeOptimized(ctx context.Context, p *probe) Outcome {
	const most = 50 // the highest number of endpoints to read, with one request per endpoint
	for i, e := range p.get(ctx, endpointsPath).items("endpoints") {
		name, _ := e["name"].(string)
		if i == most || name == "" {
			break
		}
		if p.get(ctx, endpointsPath+"/"+url.PathEscape(name)).at("route_optimized") != true {
			continue
		}
		a := p.send(ctx, "POST", invocations(name), object{"inputs": []string{}})
		return refusal(a, "RouteOptimizedRefused", 401, "401",
			"Credential was not sent or was of an unsupported type for this API.", name)
	}
	return skipped("needs a route-optimized endpoint")
}

func deletedList(ctx context.Context, p *probe) Outcome {
	l, err := p.writableList(ctx)
	switch {
	case err != nil:
		return failed(err)
	case !l.own:
		return skipped("needs a model for an endpoint of the run's own")
	}
	if a := p.send(ctx, "DELETE", endpointsPath+"/"+l.name, nil); !a.ok() {
		return byAnswer(a, false)
	}
	read := p.get(ctx, l.path())
	write := p.send(ctx, "PATCH", l.path(), entries(object{"group_name": "users", "permission_level": "CAN_VIEW"}))
	seen := fmt.Sprintf("read %s, write %s", read, write)
	switch {
	case read.err != nil || write.err != nil:
		return failed(fmt.Errorf("%s", seen))
	case read.status == 404:
		return open(seen, workspaceSwitch("DeletedListGone", true))
	case read.ok() && write.status == 404:
		return open(seen, workspaceSwitch("DeletedListReadOnly", true))
	case read.ok() && write.ok():
		return open(seen)
	}
	return wrong("%s", seen)
}

func recreated(ctx context.Context, p *probe) Outcome {
	before, err := p.writableList(ctx)
	switch {
	case err != nil:
		return failed(err)
	case !before.own:
		return skipped("needs a model for an endpoint of the run's own")
	}
	if a := p.get(ctx, endpointsPath+"/"+before.name); a.status != 404 {
		return skipped("the deletion before it did not show")
	}
	after, err := p.createEndpoint(ctx)
	switch {
	case err != nil:
		return failed(err)
	case after.id == before.id:
		return wrong("the same id")
	}
	return holds("another id")
}
