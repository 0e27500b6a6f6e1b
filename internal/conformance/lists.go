package conformance

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// accessList names an access list by the serving endpoint that it belongs to.
type accessList struct {
	name, id string
	own      bool // whether the run created the endpoint
}

func (l accessList) path() string { return "/api/2.0/permissions/serving-endpoints/" + l.id }

const needsList = missing("needs a serving endpoint with an access list that the login may read")

// readableList returns an endpoint whose access list the login can read. If the target names an endpoint, it considers
// only that endpoint.
func (p *probe) readableList(ctx context.Context) (accessList, error) {
	return p.anyList.get(func() (accessList, error) {
		a := p.get(ctx, "/api/2.0/serving-endpoints")
		if a.err != nil {
			return accessList{}, a.err
		}
		for _, e := range a.items("endpoints") {
			name, _ := e["name"].(string)
			id, _ := e["id"].(string)
			if id == "" || p.target.Endpoint != "" && name != p.target.Endpoint {
				continue
			}
			l := accessList{name: name, id: id}
			if p.get(ctx, l.path()).ok() {
				return l, nil
			}
		}
		return accessList{}, needsList
	})
}

// writableList returns the endpoint whose access list the run may change: an endpoint that the run creates, or the
// endpoint that the target names.
func (p *probe) writableList(ctx context.Context) (accessList, error) {
	return p.ownList.get(func() (accessList, error) {
		switch {
		case p.target.Model != "":
			return p.createEndpoint(ctx)
		case p.target.Endpoint == "":
			return accessList{}, missing("needs an endpoint that may be changed, or a model for one of its own")
		}
		a := p.get(ctx, "/api/2.0/serving-endpoints/"+url.PathEscape(p.target.Endpoint))
		l := accessList{name: p.target.Endpoint, id: a.text("id")}
		switch {
		case a.err != nil:
			return l, a.err
		case !a.ok() || l.id == "":
			return l, missing(fmt.Sprintf("the endpoint %s has no access list: %s", l.name, a))
		}
		p.made(creation{
			what:   "grants on the endpoint " + l.name,
			remove: func(ctx context.Context) error { return p.dropOwnGrants(ctx, l) },
			gone: func(ctx context.Context) (bool, error) {
				a := p.get(ctx, l.path())
				if !a.ok() || a.text("object_id") == "" {
					return false, fmt.Errorf("the access list was answered with %s", a)
				}
				return !slices.ContainsFunc(a.items("access_control_list"), p.isOwn), nil
			},
		})
		return l, nil
	})
}

// createEndpoint creates the run's own serving endpoint. The endpoint has the same name each time that a run creates
// it.
func (p *probe) createEndpoint(ctx context.Context) (accessList, error) {
	l := accessList{name: p.prefix + "endpoint", own: true}
	path := "/api/2.0/serving-endpoints/" + l.name
	p.made(creation{
		what:   "serving endpoint " + l.name,
		remove: func(ctx context.Context) error { return refusedRemoval(p.send(ctx, "DELETE", path, nil)) },
		gone: func(ctx context.Context) (bool, error) {
			a := p.get(ctx, path)
			if a.status != 404 {
				return false, a.err
			}
			return true, nil
		},
	})
	model, version, _ := strings.Cut(p.target.Model, "/")
	entity := object{"entity_name": model, "entity_version": version, "workload_size": "Small",
		"scale_to_zero_enabled": true}
	a := p.send(ctx, "POST", "/api/2.0/serving-endpoints",
		object{"name": l.name, "config": object{"served_entities": []object{entity}}})
	if l.id = a.text("id"); !a.ok() || l.id == "" {
		return l, fmt.Errorf("creating a serving endpoint: %s", a)
	}
	return l, nil
}

// isOwn reports whether a row of an access list belongs to a service principal that the run added to the workspace.
func (p *probe) isOwn(row object) bool {
	for _, made := range []principal{p.principal.value, p.nameless.value, p.member.value} {
		if made.applicationID != "" && names(row, made.applicationID) {
			return true
		}
	}
	return false
}

// names reports whether a row of an access list belongs to the given service principal, whichever field of the row
// holds the application id.
func names(row object, applicationID string) bool {
	for _, field := range []string{"service_principal_name", "user_name"} {
		if name, _ := row[field].(string); strings.EqualFold(name, applicationID) {
			return true
		}
	}
	return false
}

// direct returns the entries of the wanted rows that are not inherited, in the form of a request.
func direct(rows []object, keep func(object) bool) []object {
	entries := []object{}
	for _, row := range rows {
		for _, permission := range items(row["all_permissions"]) {
			if permission["inherited"] == true || !keep(row) {
				continue
			}
			entry := object{"permission_level": permission["permission_level"]}
			for _, field := range []string{"user_name", "group_name", "service_principal_name"} {
				if name, _ := row[field].(string); name != "" {
					entry[field] = name
				}
			}
			entries = append(entries, entry)
		}
	}
	return entries
}

// dropOwnGrants removes the entries of the run's own principals from an access list. It reads the list and, only if
// such an entry exists, writes the list back without it.
func (p *probe) dropOwnGrants(ctx context.Context, l accessList) error {
	a := p.get(ctx, l.path())
	rows := a.items("access_control_list")
	switch {
	case !a.ok():
		return fmt.Errorf("the access list was answered with %s", a)
	case a.text("object_id") != "/serving-endpoints/"+l.id:
		return fmt.Errorf("the access list is of %q", a.text("object_id"))
	case !slices.ContainsFunc(rows, p.isOwn):
		return nil
	}
	kept := direct(rows, func(row object) bool { return !p.isOwn(row) })
	if a := p.send(ctx, "PUT", l.path(), object{"access_control_list": kept}); !a.ok() {
		return fmt.Errorf("writing the access list back: %s", a)
	}
	return nil
}

// levelOf returns the level that a service principal has directly, not by inheritance, on an access list. It also
// returns the name of the field that holds the principal's application id in the row.
func levelOf(rows []object, applicationID string) (level, field string) {
	for _, row := range rows {
		if !names(row, applicationID) {
			continue
		}
		for _, permission := range items(row["all_permissions"]) {
			if permission["inherited"] != true {
				level, _ = permission["permission_level"].(string)
			}
		}
		if field = "service_principal_name"; row[field] == nil {
			field = "user_name"
		}
	}
	return level, field
}

func (p *probe) level(ctx context.Context, l accessList, applicationID string) string {
	level, _ := levelOf(p.get(ctx, l.path()).items("access_control_list"), applicationID)
	return level
}

func entries(list ...object) object { return object{"access_control_list": list} }

func entry(applicationID, level string) object {
	return object{"service_principal_name": applicationID, "permission_level": level}
}

// grant is the first grant to the run's own service principal.
type grant struct {
	list   accessList
	to     principal
	answer answer // the answer to the PATCH request that succeeded
	// rowsBefore holds the rows of the access list before the grant.
	rowsBefore []object
	// after is the time from the first attempt until access lists accepted the principal.
	after time.Duration
}

// granted grants CAN_VIEW on the writable access list to the run's own service principal. It repeats the request while
// access lists do not know the principal yet.
func (p *probe) granted(ctx context.Context) (grant, error) {
	return p.grant.get(func() (grant, error) {
		l, err := p.writableList(ctx)
		if err != nil {
			return grant{}, err
		}
		to, err := p.testPrincipal(ctx)
		if err != nil {
			return grant{}, err
		}
		g := grant{list: l, to: to, rowsBefore: p.get(ctx, l.path()).items("access_control_list")}
		after, ok := p.eventually(ctx, func() bool {
			g.answer = p.send(ctx, "PATCH", l.path(), entries(entry(to.applicationID, "CAN_VIEW")))
			return g.answer.err != nil || !strings.HasPrefix(g.answer.message(), "Principal: ")
		})
		if !ok || !g.answer.ok() {
			return g, fmt.Errorf("granting CAN_VIEW on %s: %s", l.name, g.answer)
		}
		g.after = after
		return g, nil
	})
}
