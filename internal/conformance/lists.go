package conformance

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// accessList is an endpoint with an access list.
type accessList struct {
	name, id string
	own      bool // made by the run
}

func (l accessList) path() string { return "/api/2.0/permissions/serving-endpoints/" + l.id }

const needsList = missing("needs a serving endpoint with an access list that the login may read")

// readableList is some endpoint whose access list can be read.
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

// writableList is the endpoint whose access list the run may change: its own, or the one that was named for it.
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

// createEndpoint makes an endpoint of the run's own, under one name however often it is called.
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
	entity := object{"entity_name": model, "entity_version": version, "workload_size": "Small", "scale_to_zero_enabled": true}
	a := p.send(ctx, "POST", "/api/2.0/serving-endpoints",
		object{"name": l.name, "config": object{"served_entities": []object{entity}}})
	if l.id = a.text("id"); !a.ok() || l.id == "" {
		return l, fmt.Errorf("creating a serving endpoint: %s", a)
	}
	return l, nil
}

// own reports whether a row of an access list belongs to a principal that the run created.
func (p *probe) isOwn(row object) bool {
	for _, made := range []principal{p.principal.value, p.nameless.value, p.member.value} {
		if made.applicationID != "" && names(row, made.applicationID) {
			return true
		}
	}
	return false
}

// names reports whether a row of an access list belongs to this service principal, whichever field holds its id.
func names(row object, applicationID string) bool {
	for _, field := range []string{"service_principal_name", "user_name"} {
		if name, _ := row[field].(string); strings.EqualFold(name, applicationID) {
			return true
		}
	}
	return false
}

// direct are the entries of a list that are not inherited, as a request writes them.
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

// dropOwnGrants writes a list back without the run's own principals, if they are on it.
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

// levelOf is the direct level of a service principal on a list, and the field of the row that holds the principal's id.
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

// grant is the first grant to the run's principal.
type grant struct {
	list   accessList
	to     principal
	answer answer // of the PATCH that was accepted
	// rowsBefore are those of the list before the grant.
	rowsBefore []object
	// after is how long access lists did not know the principal, counted from the first try.
	after time.Duration
}

// granted gives the run's principal CAN_VIEW on the list.
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
