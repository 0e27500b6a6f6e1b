package storm_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// settle ends a storm. It removes all faults, changes what an operator would change on the advice of the provider's
// errors, and applies each stack once.
func (w *world) settle() {
	w.countFaults()
	w.Tenant.Faults.Clear()
	// The services' clock never goes back. So the local clock waits until it has reached the services' clock.
	ahead := w.Tenant.Clock.Offset()
	time.Sleep(ahead)
	w.Tenant.Clock.Advance(-ahead)
	for name, s := range w.deleted {
		s.vault.RecoverSecret(name) // as the plan's error advises
	}
	clear(w.deleted)
	for _, s := range w.stacks {
		for i, a := range s.written.Apps {
			// The provider does not activate a principal that the configuration does not declare as active. A person
			// must do that.
			if a != nil && !a.Active && w.there(s.apps[i].ClientID) {
				w.Workspace.SetActive(s.apps[i].ClientID, true)
			}
		}
	}
	for _, s := range w.stacks {
		w.applyCleanly(s)
	}
}

func (w *world) there(applicationID string) bool {
	return slices.ContainsFunc(w.Workspace.Snapshot().ServicePrincipals, func(p emulator.ServicePrincipalState) bool {
		return p.ApplicationID == applicationID
	})
}

// countFaults counts the faults that a request has met.
func (w *world) countFaults() {
	unmet := w.Tenant.Faults.Unmet()
	for _, f := range w.faults {
		i := slices.IndexFunc(unmet, func(u emulator.Fault) bool { return reflect.DeepEqual(u, *f.Fault) })
		if i >= 0 {
			unmet = slices.Delete(unmet, i, i+1)
			continue
		}
		w.met.fault(f.Kind)
	}
	w.faults = nil
}

func (w *world) applyCleanly(s *stack) {
	c := w.command(s, run{Stack: s.index})
	c.apply()
	if len(c.errors) > 0 && w.recover(s) {
		c = w.command(s, run{Stack: s.index})
		c.apply()
	}
	if len(c.errors) > 0 {
		w.wrong("the clean apply of stack %d failed: %s", s.index, strings.Join(c.errors, "\n"))
	}
}

// recover imports service principals that a killed run has created but not saved in the state, as the error of the
// creation advises. It reports whether it imported any.
func (w *world) recover(s *stack) (found bool) {
	c := w.command(s, run{Stack: s.index})
	c.process = c.start()
	defer c.process.end()
	for _, r := range s.want {
		if _, there := s.state[r.address()]; there || r.Type != principalType || !s.lost[r.address()] &&
			!s.reported[r.address()] || r.Config["application_id"] == nil {
			continue
		}
		c.process.caller.try(func() {
			o, errors := c.process.Import(c.process.caller, r.Type, r.Config["application_id"].(string), nil)
			if errors != "" {
				w.wrong("import: %s", errors)
				return
			}
			s.state[r.address()] = held{Object: o, Type: r.Type, Needs: r.Needs}
			w.met.imported.Add(1)
			found = true
		})
	}
	return found
}

// check compares the workspace, the states and the configurations after the last applies.
func (w *world) check() {
	for _, s := range w.stacks {
		w.checkPlan(s)
	}
	now := w.foreignNow()
	for _, thing := range slices.Sorted(maps.Keys(w.foreign)) {
		if now[thing] != w.foreign[thing] {
			w.met.lost.Add(1)
			w.wrong("nobody here manages %s: it was %q and is %q", thing, w.foreign[thing], now[thing])
		}
		delete(now, thing)
	}
	if len(now) > 0 {
		w.wrong("nobody here manages %v, and nobody else made it", now)
	}
	for _, s := range w.stacks {
		w.checkPrincipals(s)
		w.checkGrants(s)
		w.checkTokens(s)
	}
}

// checkPlan reports an error if the plan of a stack is not empty, or if the state holds a resource that the
// configuration does not declare.
func (w *world) checkPlan(s *stack) {
	c := w.command(s, run{Stack: s.index})
	c.process = c.start()
	defer c.process.end()
	c.refresh()
	plans := c.plan(s.want)
	c.broken()
	w.checkForSecrets(c)
	if len(c.errors) > 0 {
		w.wrong("the plan of stack %d after the clean apply failed: %s", s.index, strings.Join(c.errors, "\n"))
	}
	for _, address := range slices.Sorted(maps.Keys(plans)) {
		if len(plans[address].Changed) > 0 || c.state[address].Tainted {
			w.wrong("the plan of stack %d after the clean apply changes %s: %v", s.index, address,
				plans[address].Changed)
		}
	}
	for address := range s.state {
		if !slices.ContainsFunc(s.want, func(r resource) bool { return r.address() == address }) {
			w.wrong("the state of stack %d still holds %s", s.index, address)
		}
	}
}

// recordUnmanaged records an object that is in the workspace but in no state. That is an error, unless a kill lost the
// answer to the creation or an error said that the object may exist.
func (w *world) recordUnmanaged(s *stack, address, what string) {
	if s.lost[address] {
		w.met.orphansOfKills.Add(1)
		return
	}
	if s.reported[address] {
		w.met.reported.Add(1)
		return
	}
	w.met.orphans.Add(1)
	w.wrong("orphan of %s: %s", address, what)
}

func (w *world) gone(format string, args ...any) {
	w.met.lost.Add(1)
	w.wrong(format, args...)
}

func (w *world) checkPrincipals(s *stack) {
	there := map[string]emulator.ServicePrincipalState{}
	var made []emulator.ServicePrincipalState
	snapshot := w.Workspace.Snapshot()
	for _, p := range snapshot.ServicePrincipals {
		there[p.ApplicationID] = p
		if p.DisplayName == s.madeName(0) {
			made = append(made, p)
		}
	}
	if len(made) < s.written.Made {
		w.gone("the principal that Databricks makes for stack %d is not there", s.index)
	}
	for range len(made) - s.written.Made {
		w.recordUnmanaged(s, principalType+".made0", fmt.Sprintf("principals %+v", made))
	}
	i := slices.IndexFunc(snapshot.Groups, func(g emulator.GroupState) bool { return g.Name == group })
	for n, a := range s.written.Apps {
		id, name := s.apps[n].ClientID, fmt.Sprintf("app%d", n)
		p, exists := there[id]
		switch {
		case a == nil && exists:
			w.recordUnmanaged(s, principalType+"."+name, "principal "+id)
		case a != nil && !exists:
			w.gone("principal %s of stack %d is not there", id, s.index)
		case a != nil && (p.DisplayName != a.displayName(n) || a.Active && !p.Active || a.Entitlements > 0 &&
			len(p.Entitlements) != a.Entitlements-1):
			w.wrong("principal %+v is not as stack %d declares it: %+v", p, s.index, *a)
		}
		member := slices.Contains(snapshot.Groups[i].Members, id)
		switch {
		case member && (a == nil || !a.Member):
			w.recordUnmanaged(s, memberType+"."+name, "membership of "+id)
		case !member && a != nil && a.Member:
			w.gone("stack %d declares that %s is in the group, and it is not", s.index, id)
		}
	}
}

func (w *world) checkGrants(s *stack) {
	grants, mayUse, listed := w.Workspace.Grants(shared), w.Workspace.Grants(tokensList), w.Workspace.Grants(s.endpoint)
	differ := func(s *stack, address, what, is, want string) {
		switch {
		case is == want:
		case want == "":
			w.recordUnmanaged(s, address, what+" is "+is)
		case is == "":
			w.gone("%s of stack %d is gone: %s", what, s.index, want)
		default:
			w.wrong("%s of stack %d is %s, not %s", what, s.index, is, want)
		}
	}
	for n, a := range s.written.Apps {
		id, name := s.apps[n].ClientID, fmt.Sprintf("app%d", n)
		level, use := "", ""
		if a != nil {
			level = a.Level
		}
		if a != nil && a.MayUse {
			use = "CAN_USE"
		}
		differ(s, grantType+"."+name, "the grant of "+id, grants[id], level)
		differ(s, tokenPermissionType+"."+name, "the right to use tokens of "+id, mayUse[id], use)
	}
	if s.written.List == nil {
		return
	}
	delete(listed, s.guests[1])
	want := map[string]string{}
	principals, users := s.written.List.grants(s)
	for principal, level := range principals {
		want[principal] = level.(string)
	}
	for user, level := range users {
		want[user] = level.(string)
	}
	if !reflect.DeepEqual(listed, want) {
		w.wrong("the list of stack %d is %v, not %v", s.index, listed, want)
	}
}

// checkTokens reports an error unless exactly the tokens in the state are valid and the model accepts them as the
// granted level permits.
func (w *world) checkTokens(s *stack) {
	for n, a := range s.written.Apps {
		id, address := s.apps[n].ClientID, fmt.Sprintf("%s.app%d", tokenType, n)
		live := map[string]bool{}
		for _, t := range w.Workspace.Snapshot().Tokens {
			if t.Owner == id && (t.Expires.IsZero() || t.Expires.After(w.Tenant.Clock.Now())) {
				live[t.ID] = true
			}
		}
		if a != nil && a.Token != nil {
			state := s.state[address].State
			current, _ := state["token_id"].(string)
			if !live[current] {
				w.gone("the token of %s is not live", address)
			}
			previous, _ := state["previous_token_id"].(string)
			delete(live, current)
			delete(live, previous)
			w.checkValue(s, n, a, state)
		}
		for other := range live {
			w.recordUnmanaged(s, address, "token "+other)
		}
	}
}

// checkValue sends a request to the model with the token, from the state or from Key Vault, and checks the status of
// the answer.
func (w *world) checkValue(s *stack, n int, a *app, state map[string]any) {
	var values []string
	if a.Token.State {
		value, _ := state["token_value"].(string)
		values = append(values, value)
	} else if state["token_value"] != nil {
		w.wrong("the state of stack %d holds a token value that it should not", s.index)
	}
	if a.Token.Vault {
		values = append(values, s.vault.Value(secretName(s, n)))
	}
	want := http.StatusForbidden
	if level := w.Workspace.Grants(shared)[s.apps[n].ClientID]; level == "CAN_QUERY" || level == "CAN_MANAGE" {
		want = http.StatusOK
	}
	for _, value := range values {
		r := httptest.NewRequest(http.MethodPost, "/serving-endpoints/"+shared+"/invocations",
			strings.NewReader(`{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}`))
		r.Header.Set("Authorization", "Bearer "+value)
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		w.Workspace.ServeHTTP(answer, r)
		if answer.Code != want {
			w.gone("the token of app %d of stack %d gets %d from the model, not %d: %s", n, s.index, answer.Code,
				want, answer.Body)
		}
	}
}

// checkForSecrets searches for secrets in the messages of a command and in the state that the command has left.
func (w *world) checkForSecrets(c *command) {
	w.met.requests.Add(c.requests.Load())
	w.search("a message", strings.Join(c.said, "\n"))
	for address, h := range c.state {
		state := maps.Clone(h.State)
		delete(state, "token_value") // token_value may hold a secret, as its documentation says
		for what, part := range map[string]any{"the state": state, "the identity": h.Identity} {
			text, err := json.Marshal(part)
			if err != nil {
				w.wrong("%v", err)
			}
			w.search(what+" of "+address, string(text))
		}
		w.search("the private state of "+address, string(h.Private))
	}
}

// search records an error for each secret in a text. It searches for the last 60 bytes of a secret, because Go's search for
// a text of more than 63 bytes is slow.
func (w *world) search(where, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for secret := range w.secrets {
		if at := strings.Index(text, secret[max(0, len(secret)-60):]); at >= 0 {
			w.met.leaked.Add(1)
			w.found = append(w.found, fmt.Sprintf("%s holds a secret: …%s", where, text[max(0, at-200):at]))
		}
	}
}
