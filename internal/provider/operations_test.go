package provider_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// operation is one operation of the provider, such as the creation of a grant.
type operation struct {
	// prepare creates the object without faults; nil if there is nothing to prepare.
	prepare func(t *testing.T, w *acctest.World, p *acctest.Protocol) acctest.Object
	do      func(t *testing.T, w *acctest.World, p *acctest.Protocol, o acctest.Object) outcome
	// done reports whether the workspace shows the intended result; nil if only the state must be unchanged.
	done  func(w *acctest.World) bool
	fails bool // the operation ends in an error even without a fault
}

// outcome is the result of an operation: the state, the warnings and the errors.
type outcome struct {
	state            map[string]any
	warnings, errors string
}

const (
	aPrincipal = "dbxaccess_service_principal"
	aMember    = "dbxaccess_group_member"
	aGrant     = "dbxaccess_serving_endpoint_permission"
	aList      = "dbxaccess_serving_endpoint_permissions_exclusive"
	aRight     = "dbxaccess_token_permission"
	aToken     = "dbxaccess_service_principal_token"
)

func apply(
	resource string, config func(w *acctest.World) map[string]any,
) func(*testing.T, *acctest.World, *acctest.Protocol, acctest.Object) outcome {
	return func(t *testing.T, w *acctest.World, p *acctest.Protocol, o acctest.Object) outcome {
		if o.State != nil {
			// Terraform refreshes first, in the same process.
			read, errors := p.Refresh(t, resource, o)
			if errors != "" {
				return outcome{o.State, "", errors}
			}
			if read.State == nil { // Terraform removes the object from the state
				return outcome{nil, read.Warnings, ""}
			}
			o = read
		}
		after, errors := p.Apply(t, resource, o, config(w))
		return outcome{after.State, after.Warnings, errors}
	}
}

// applyAlone returns an apply without a refresh before it, as with -refresh=false.
func applyAlone(
	resource string, config func(w *acctest.World) map[string]any,
) func(*testing.T, *acctest.World, *acctest.Protocol, acctest.Object) outcome {
	return func(t *testing.T, w *acctest.World, p *acctest.Protocol, o acctest.Object) outcome {
		after, errors := p.Apply(t, resource, o, config(w))
		return outcome{after.State, after.Warnings, errors}
	}
}

func refresh(resource string) func(*testing.T, *acctest.World, *acctest.Protocol, acctest.Object) outcome {
	return func(t *testing.T, _ *acctest.World, p *acctest.Protocol, o acctest.Object) outcome {
		after, errors := p.Refresh(t, resource, o)
		return outcome{after.State, after.Warnings, errors}
	}
}

func readData(source string, config func(w *acctest.World) map[string]any) operation {
	return operation{do: func(t *testing.T, w *acctest.World, p *acctest.Protocol, _ acctest.Object) outcome {
		state, warnings, errors := p.Read(t, source, config(w))
		return outcome{state, warnings, errors}
	}}
}

// failing returns the operation, marked as one that ends in an error even without a fault.
func (d operation) failing() operation {
	d.fails = true
	return d
}

func made(
	resource string, config func(w *acctest.World) map[string]any,
) func(*testing.T, *acctest.World, *acctest.Protocol) acctest.Object {
	return func(t *testing.T, w *acctest.World, p *acctest.Protocol) acctest.Object {
		return p.MustApply(t, resource, acctest.Object{}, config(w))
	}
}

func noAttributes(*acctest.World) map[string]any { return nil }

// with returns a configuration with the additional attributes in more.
func with(config func(w *acctest.World) map[string]any, more map[string]any) func(*acctest.World) map[string]any {
	return func(w *acctest.World) map[string]any {
		all := maps.Clone(config(w))
		maps.Copy(all, more)
		return all
	}
}

func member(w *acctest.World) bool {
	for _, g := range w.Workspace.Snapshot().Groups {
		if g.Name == "scorers" {
			return slices.Contains(g.Members, w.ScoringApp.ClientID)
		}
	}
	return false
}

func principal(w *acctest.World) (emulator.ServicePrincipalState, bool) {
	for _, sp := range w.Workspace.Snapshot().ServicePrincipals {
		if sp.ApplicationID == w.ScoringApp.ClientID {
			return sp, true
		}
	}
	return emulator.ServicePrincipalState{}, false
}

// grants returns the scoring app's levels on the endpoint.
func grants(w *acctest.World) string {
	var levels []string
	for _, line := range w.Workspace.Snapshot().Endpoints[0].Grants {
		if level, ok := strings.CutPrefix(line, "service_principal_name="+w.ScoringApp.ClientID+" "); ok {
			levels = append(levels, level)
		}
	}
	return strings.Join(levels, " ")
}

func mayUseTokens(w *acctest.World) bool {
	return slices.Contains(w.Workspace.Snapshot().TokenGrants, "service_principal_name="+w.ScoringApp.ClientID+
		" CAN_USE")
}

// tokensOf returns the comments of the scoring app's tokens, without the provider's markers.
func tokensOf(w *acctest.World) (comments []string) {
	for _, token := range w.Workspace.Snapshot().Tokens {
		if token.Owner == w.ScoringApp.ClientID {
			comment, _, _ := strings.Cut(token.Comment, " [dbxaccess:")
			comments = append(comments, comment)
		}
	}
	return comments
}

// scoringToken is the configuration of a token that its owner creates with a client secret.
func scoringToken(w *acctest.World) map[string]any {
	return map[string]any{"comment": "first", "owner": map[string]any{"application_id": w.ScoringApp.ClientID,
		"client_secret_wo": w.ScoringSecret},
		"rotate_before_seconds": 1000, "overlap_seconds": 0}
}

// operations returns all operations that send requests to the workspace.
func operations() map[string]operation {
	sp := func(w *acctest.World) map[string]any {
		return map[string]any{"application_id": w.ScoringApp.ClientID, "display_name": "scoring",
			"adopt_existing": true, "on_destroy": "delete"}
	}
	fresh := func(w *acctest.World) map[string]any {
		return map[string]any{"application_id": w.ScoringApp.ClientID, "display_name": "scoring"}
	}
	membership := func(w *acctest.World) map[string]any {
		return map[string]any{"group_name": "scorers", "application_id": w.ScoringApp.ClientID}
	}
	grant := func(w *acctest.World) map[string]any {
		return map[string]any{"endpoint_name": w.EndpointName, "service_principal_name": w.ScoringApp.ClientID}
	}
	list := func(w *acctest.World) map[string]any {
		return map[string]any{"endpoint_name": w.EndpointName,
			"service_principals": map[string]any{w.ScoringApp.ClientID: "CAN_QUERY"}, "users": map[string]any{w.PersonName: "CAN_MANAGE"}}
	}
	right := func(w *acctest.World) map[string]any {
		return map[string]any{"service_principal_name": w.ScoringApp.ClientID}
	}
	endpoint := func(w *acctest.World) map[string]any { return map[string]any{"endpoint_name": w.EndpointName} }
	nothing := func(*acctest.World) map[string]any { return map[string]any{} }
	query := func(more map[string]any) func(*acctest.World) map[string]any {
		return with(func(w *acctest.World) map[string]any {
			return map[string]any{"endpoint_name": w.EndpointName,
				"request": `{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`, "query_as": "provider"}
		}, more)
	}
	all := map[string]operation{
		aPrincipal + "/create": {do: apply(aPrincipal, fresh), done: func(w *acctest.World) bool {
			_, ok := principal(w)
			return ok
		}},
		aPrincipal + "/adopt": {
			prepare: func(_ *testing.T, w *acctest.World, _ *acctest.Protocol) acctest.Object {
				w.Workspace.AddServicePrincipal(w.ScoringApp.ClientID, "scoring")
				return acctest.Object{}
			},
			do:   apply(aPrincipal, with(sp, map[string]any{"active": false})),
			done: func(w *acctest.World) bool { sp, _ := principal(w); return !sp.Active },
		},
		aPrincipal + "/refresh": {prepare: made(aPrincipal, fresh), do: refresh(aPrincipal)},
		aPrincipal + "/deactivate": {
			prepare: func(t *testing.T, w *acctest.World, p *acctest.Protocol) acctest.Object {
				o := made(aPrincipal, fresh)(t, w, p)
				w.Workspace.MintToken(w.ScoringApp.ClientID, "live", time.Hour)
				return o
			},
			do:   applyAlone(aPrincipal, with(fresh, map[string]any{"active": false})),
			done: func(w *acctest.World) bool { sp, _ := principal(w); return !sp.Active && len(tokensOf(w)) == 0 },
		},
		aPrincipal + "/entitle": {
			prepare: made(aPrincipal, fresh),
			do:      applyAlone(aPrincipal, with(fresh, map[string]any{"entitlements": []any{"workspace-access"}})),
			done:    func(w *acctest.World) bool { sp, _ := principal(w); return len(sp.Entitlements) == 1 },
		},
		aPrincipal + "/delete": {prepare: made(aPrincipal, fresh), do: applyAlone(aPrincipal, noAttributes),
			done: func(w *acctest.World) bool {
				_, ok := principal(w)
				return !ok
			}},
		aPrincipal + "/destroy by deactivation": {
			prepare: made(aPrincipal, with(fresh, map[string]any{"on_destroy": "deactivate"})),
			do:      applyAlone(aPrincipal, noAttributes),
			done:    func(w *acctest.World) bool { sp, _ := principal(w); return !sp.Active },
		},
		aPrincipal + "/refresh and delete": {prepare: made(aPrincipal, fresh), do: apply(aPrincipal, noAttributes),
			done: func(w *acctest.World) bool {
				_, ok := principal(w)
				return !ok
			}},

		aMember + "/create":  {do: apply(aMember, membership), done: member},
		aMember + "/refresh": {prepare: made(aMember, membership), do: refresh(aMember)},
		aMember + "/destroy": {prepare: made(aMember, membership), do: applyAlone(aMember, noAttributes),
			done: func(w *acctest.World) bool {
				return !member(w)
			}},
		aMember + "/refresh and destroy": {prepare: made(aMember, membership), do: apply(aMember, noAttributes),
			done: func(w *acctest.World) bool {
				return !member(w)
			}},

		aGrant + "/create": {do: apply(aGrant, grant), done: func(w *acctest.World) bool {
			return grants(w) == "CAN_QUERY"
		}},
		aGrant + "/refresh": {prepare: made(aGrant, grant), do: refresh(aGrant)},
		aGrant + "/change": {prepare: made(aGrant, grant), do: applyAlone(aGrant,
			with(grant, map[string]any{"permission_level": "CAN_MANAGE"})), done: func(w *acctest.World) bool {
			return grants(w) == "CAN_MANAGE"
		}},
		aGrant + "/destroy": {prepare: made(aGrant, grant), do: applyAlone(aGrant, noAttributes),
			done: func(w *acctest.World) bool {
				return grants(w) == ""
			}},
		aGrant + "/refresh and destroy": {prepare: made(aGrant, grant), do: apply(aGrant, noAttributes),
			done: func(w *acctest.World) bool {
				return grants(w) == ""
			}},

		aList + "/create": {do: apply(aList, list), done: func(w *acctest.World) bool {
			return grants(w) == "CAN_QUERY"
		}},
		aList + "/refresh": {prepare: made(aList, list), do: refresh(aList)},
		aList + "/change": {prepare: made(aList, list),
			do: applyAlone(aList, with(list, map[string]any{"service_principals": map[string]any{}})),
			done: func(w *acctest.World) bool {
				return grants(w) == ""
			}},
		aList + "/destroy": {prepare: made(aList, list), do: applyAlone(aList, noAttributes),
			done: func(w *acctest.World) bool {
				return grants(w) == ""
			}},
		aList + "/refresh and destroy": {prepare: made(aList, list), do: apply(aList, noAttributes),
			done: func(w *acctest.World) bool {
				return grants(w) == ""
			}},

		aRight + "/create":  {do: apply(aRight, right), done: mayUseTokens},
		aRight + "/refresh": {prepare: made(aRight, right), do: refresh(aRight)},
		aRight + "/destroy": {prepare: made(aRight, right), do: applyAlone(aRight, noAttributes),
			done: func(w *acctest.World) bool {
				return !mayUseTokens(w)
			}},
		aRight + "/refresh and destroy": {prepare: made(aRight, right), do: apply(aRight, noAttributes),
			done: func(w *acctest.World) bool {
				return !mayUseTokens(w)
			}},

		aToken + "/create": {do: apply(aToken, scoringToken), done: func(w *acctest.World) bool {
			return reflect.DeepEqual(tokensOf(w), []string{"first"})
		}},
		aToken + "/refresh": {prepare: made(aToken, scoringToken), do: refresh(aToken)},
		aToken + "/rotate": {
			prepare: made(aToken, scoringToken),
			do:      applyAlone(aToken, with(scoringToken, map[string]any{"rotation_triggers": map[string]any{"a": "b"}})),
			done:    func(w *acctest.World) bool { return len(tokensOf(w)) == 1 },
		},
		aToken + "/destroy": {prepare: made(aToken, scoringToken), do: applyAlone(aToken, noAttributes),
			done: func(w *acctest.World) bool {
				return len(tokensOf(w)) == 0
			}},
		aToken + "/refresh and destroy": {prepare: made(aToken, scoringToken), do: apply(aToken, noAttributes),
			done: func(w *acctest.World) bool {
				return len(tokensOf(w)) == 0
			}},
		"ephemeral.dbxaccess_service_principal_token/open and close": {
			do: func(t *testing.T, w *acctest.World, p *acctest.Protocol, _ acctest.Object) outcome {
				o, warnings, errors := p.Open(t, aToken,
					map[string]any{"owner": map[string]any{"application_id": w.ScoringApp.ClientID,
						"client_secret": w.ScoringSecret}})
				if errors != "" {
					return outcome{nil, warnings, errors}
				}
				more, errors := p.Close(t, o)
				return outcome{nil, warnings + more, errors}
			},
			done: func(w *acctest.World) bool { return len(tokensOf(w)) == 0 },
		},

		"data.dbxaccess_current_identity/own":             readData("dbxaccess_current_identity", nothing),
		"data.dbxaccess_serving_endpoint/one":             readData("dbxaccess_serving_endpoint", func(w *acctest.World) map[string]any { return map[string]any{"name": w.EndpointName} }),
		"data.dbxaccess_serving_endpoints/all":            readData("dbxaccess_serving_endpoints", nothing),
		"data.dbxaccess_serving_endpoint_permissions/one": readData("dbxaccess_serving_endpoint_permissions", endpoint),
		"data.dbxaccess_serving_endpoint_access/one":      readData("dbxaccess_serving_endpoint_access", endpoint),
		"data.dbxaccess_serving_endpoint_query/answered":  readData("dbxaccess_serving_endpoint_query", query(nil)),
		"data.dbxaccess_serving_endpoint_query/denied":    readData("dbxaccess_serving_endpoint_query", query(map[string]any{"expect_denied": true})).failing(),
		"data.dbxaccess_service_principal/one":            readData("dbxaccess_service_principal", func(w *acctest.World) map[string]any { return map[string]any{"application_id": w.Deployer.ClientID} }),
		"data.dbxaccess_service_principals/all":           readData("dbxaccess_service_principals", nothing),
		"data.dbxaccess_token_permissions/all":            readData("dbxaccess_token_permissions", nothing),
		"data.dbxaccess_tokens/all":                       readData("dbxaccess_tokens", nothing),
		"data.dbxaccess_tokens/of a user":                 readData("dbxaccess_tokens", func(w *acctest.World) map[string]any { return map[string]any{"user_name": w.PersonName} }),
		"data.dbxaccess_clusters/all":                     readData("dbxaccess_clusters", nothing),
	}
	maps.Copy(all, oauthOperations())
	return all
}
