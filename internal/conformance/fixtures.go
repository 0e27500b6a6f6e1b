package conformance

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	scimPath   = "/api/2.0/preview/scim/v2"
	principals = scimPath + "/ServicePrincipals"

	schemaServicePrincipal = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"
	schemaPatch            = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

type object = map[string]any

// fixtures are the things that several checks share. Each is made when the first check needs it.
type fixtures struct {
	isAdmin     memo[bool]
	anyList     memo[accessList]
	ownList     memo[accessList]
	principal   memo[principal]
	nameless    memo[principal]
	grant       memo[grant]
	tokensNoted bool
	token       memo[token]
	oauthSecret memo[oauthSecret]
	// secretsNoted is about the OAuth secrets of the run's own service principal.
	secretsNoted bool
	member       memo[principal]
	// secretNoted and secretDeleted are about the run's own secret in the vault.
	secretNoted, secretDeleted bool
}

// memo makes a value once, and remembers also that it could not be made.
type memo[T any] struct {
	made  bool
	value T
	err   error
}

func (m *memo[T]) get(create func() (T, error)) (T, error) {
	if !m.made {
		m.made = true
		m.value, m.err = create()
	}
	return m.value, m.err
}

const needsAdmin = missing("needs a login that is an admin of the workspace")

// needAdmin gives an error unless the login is an admin, who alone may list groups.
func (p *probe) needAdmin(ctx context.Context) error {
	is, err := p.isAdmin.get(func() (bool, error) {
		a := p.get(ctx, scimPath+"/Groups?count=1")
		return a.ok(), a.err
	})
	if err == nil && !is {
		return needsAdmin
	}
	return err
}

// principal is a service principal of the run's own.
type principal struct {
	id, applicationID, name string
	created                 answer
	// readAfter is when reads showed it, counted from its creation.
	readAfter time.Duration
	shown     bool
}

// servicePrincipal is an active service principal as a request writes it; an empty name is left out.
func servicePrincipal(applicationID, name string) object {
	body := object{"schemas": []string{schemaServicePrincipal}, "applicationId": applicationID, "active": true}
	if name != "" {
		body["displayName"] = name
	}
	return body
}

// createPrincipal adds a service principal; an empty name leaves the name to the workspace.
func (p *probe) createPrincipal(ctx context.Context, applicationID, name string) (principal, error) {
	if err := p.needAdmin(ctx); err != nil {
		return principal{}, err
	}
	found := func(ctx context.Context) ([]object, answer) {
		a := p.get(ctx, principals+"?attributes=id&filter="+url.QueryEscape(`applicationId eq "`+applicationID+`"`))
		return a.items("Resources"), a
	}
	// What is there already is somebody else's, active or not, and must not be removed.
	switch there, a := found(ctx); {
	case !a.ok() || a.at("totalResults") == nil:
		return principal{}, fmt.Errorf("looking for a service principal: %s", a)
	case len(there) > 0:
		return principal{}, missing("the application " + applicationID + " is in the workspace already")
	}
	p.made(creation{
		what: "service principal " + applicationID,
		remove: func(ctx context.Context) error {
			list, a := found(ctx)
			if !a.ok() {
				return refusedRemoval(a)
			}
			for _, one := range list {
				id, _ := one["id"].(string)
				if err := refusedRemoval(p.send(ctx, "DELETE", principals+"/"+id, nil)); err != nil {
					return err
				}
			}
			return nil
		},
		gone: func(ctx context.Context) (bool, error) {
			list, a := found(ctx)
			if !a.ok() || a.at("totalResults") == nil {
				return false, fmt.Errorf("the list was answered with %s", a)
			}
			return len(list) == 0, nil
		},
	})
	made := principal{applicationID: applicationID, name: name}
	made.created = p.send(ctx, "POST", principals, servicePrincipal(applicationID, name))
	if made.created.nothingDone() {
		p.notMade()
	}
	made.id = made.created.text("id")
	if !made.created.ok() || made.id == "" {
		return made, fmt.Errorf("creating a service principal: %s", made.created)
	}
	made.readAfter, made.shown = p.eventually(ctx, func() bool { return p.get(ctx, principals+"/"+made.id).ok() })
	return made, nil
}

func (p *probe) testPrincipal(ctx context.Context) (principal, error) {
	return p.principal.get(func() (principal, error) {
		return p.createPrincipal(ctx, uuid.NewString(), p.prefix+"principal")
	})
}

func (p *probe) namelessPrincipal(ctx context.Context) (principal, error) {
	return p.nameless.get(func() (principal, error) { return p.createPrincipal(ctx, uuid.NewString(), "") })
}

// workspaceMember is the second application, added to the workspace.
func (p *probe) workspaceMember(ctx context.Context) (principal, error) {
	return p.member.get(func() (principal, error) {
		if p.target.Second == nil {
			return principal{}, noSecond
		}
		me := func() answer { return p.second(ctx, "GET", scimPath+"/Me", nil) }
		switch a := me(); {
		case a.err != nil:
			return principal{}, a.err
		case a.ok():
			return principal{}, missing("the second application is in the workspace already")
		}
		made, err := p.createPrincipal(ctx, p.target.Second.ClientID, p.prefix+"second")
		if err != nil {
			return made, err
		}
		if _, ok := p.eventually(ctx, func() bool { return me().ok() }); !ok {
			return made, fmt.Errorf("the workspace does not let the second application in, although it was added: %s", me())
		}
		return made, nil
	})
}

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

// own tells whether a row of an access list is of a principal that the run created.
func (p *probe) isOwn(row object) bool {
	for _, made := range []principal{p.principal.value, p.nameless.value, p.member.value} {
		if made.applicationID != "" && names(row, made.applicationID) {
			return true
		}
	}
	return false
}

// names tells whether a row of an access list is of this service principal, whichever field it stands in.
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

// levelOf is the direct level of a service principal on a list, and the field of the row that it stands in.
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

// token is a personal access token of the run's own login.
type token struct {
	id, value string
	created   answer
}

// createToken makes a token whose comment begins with the run's prefix.
func (p *probe) createToken(ctx context.Context, body object) token {
	own := func(ctx context.Context) ([]string, answer) {
		a := p.get(ctx, "/api/2.0/token/list")
		var ids []string
		for _, info := range a.items("token_infos") {
			comment, _ := info["comment"].(string)
			if id, _ := info["token_id"].(string); strings.HasPrefix(comment, p.prefix) {
				ids = append(ids, id)
			}
		}
		return ids, a
	}
	first := !p.tokensNoted
	if first {
		p.tokensNoted = true
		p.made(creation{
			what: "tokens of the login with the comment " + p.prefix + "…",
			remove: func(ctx context.Context) error {
				ids, a := own(ctx)
				if !a.ok() {
					return refusedRemoval(a)
				}
				for _, id := range ids {
					if err := refusedRemoval(p.send(ctx, "POST", "/api/2.0/token/delete", object{"token_id": id})); err != nil {
						return err
					}
				}
				return nil
			},
			gone: func(ctx context.Context) (bool, error) {
				ids, a := own(ctx)
				if !a.ok() || len(a.raw) == 0 {
					return false, fmt.Errorf("the list of tokens was answered with %s", a)
				}
				return len(ids) == 0, nil
			},
		})
	}
	body["comment"] = p.prefix + "token"
	t := token{created: p.send(ctx, "POST", "/api/2.0/token/create", body)}
	if first && t.created.nothingDone() {
		p.tokensNoted = false
		p.notMade()
	}
	t.id, t.value = t.created.text("token_info", "token_id"), t.created.text("token_value")
	p.keepSecret(t.value)
	return t
}

func (p *probe) testToken(ctx context.Context) (token, error) {
	return p.token.get(func() (token, error) {
		if p.tokensOff(ctx) {
			return token{}, missing("personal access tokens are off")
		}
		t := p.createToken(ctx, object{"lifetime_seconds": 3600})
		switch {
		case t.created.err != nil:
			return t, t.created.err
		case t.created.refused(403, ""), t.created.refused(404, "FEATURE_DISABLED"):
			return t, missing("the login may not make tokens: " + t.created.String())
		case !t.created.ok() || t.id == "" || t.value == "":
			return t, fmt.Errorf("creating a token: %s", t.created)
		}
		return t, nil
	})
}
