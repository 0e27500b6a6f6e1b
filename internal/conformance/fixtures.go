package conformance

import (
	"context"
	"fmt"
	"net/url"
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

// fixtures holds the objects that several checks share. Each object is created when the first check needs it.
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
	// secretsNoted is true once the OAuth secrets of the run's own service principal are recorded for removal.
	secretsNoted bool
	member       memo[principal]
	// secretNoted is true once the run's own secret in the vault is recorded for removal. secretDeleted is true once a
	// check has deleted that secret.
	secretNoted, secretDeleted bool
}

// memo creates a value once and keeps it. If the creation fails, memo keeps the error.
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

// needAdmin returns an error unless the login is a workspace admin. It finds that out with one request, because only
// admins may list groups.
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

// principal is a service principal that the run created.
type principal struct {
	id, applicationID, name string
	created                 answer
	// readAfter is the time from the creation until the first read that returned the service principal. shown is false
	// if no read returned it.
	readAfter time.Duration
	shown     bool
}

// servicePrincipal returns the request body for an active service principal. It leaves out an empty name.
func servicePrincipal(applicationID, name string) object {
	body := object{"schemas": []string{schemaServicePrincipal}, "applicationId": applicationID, "active": true}
	if name != "" {
		body["displayName"] = name
	}
	return body
}

// createPrincipal adds a service principal to the workspace and waits until it can be read. If name is empty, the
// workspace chooses the name.
func (p *probe) createPrincipal(ctx context.Context, applicationID, name string) (principal, error) {
	if err := p.needAdmin(ctx); err != nil {
		return principal{}, err
	}
	found := func(ctx context.Context) ([]object, answer) {
		a := p.get(ctx, principals+"?attributes=id&filter="+url.QueryEscape(`applicationId eq "`+applicationID+`"`))
		return a.items("Resources"), a
	}
	// A service principal that exists already belongs to somebody else, active or not, and the run must not remove it.
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

// workspaceMember adds the second application to the workspace and returns its service principal.
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
			return made, fmt.Errorf("the workspace does not let the second application in, although it was "+
				"added: %s", me())
		}
		return made, nil
	})
}

// token is a personal access token of the run's own login.
type token struct {
	id, value string
	created   answer
}

// createToken creates a personal access token whose comment begins with the run's prefix.
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
					if err := refusedRemoval(p.send(ctx, "POST", "/api/2.0/token/delete",
						object{"token_id": id})); err != nil {
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
