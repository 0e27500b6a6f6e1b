package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func TestMayBeNew(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err      error
		patience time.Duration
		ok       bool
	}{
		"no error":          {nil, 0, false},
		"another error":     {errors.New("x"), 0, false},
		"application":       {&Error{Code: 700016}, 0, true},
		"service principal": {&Error{Code: 7000229}, 0, true},
		"certificate":       {&Error{Code: 700027, Summary: summaryNotRegistered}, 0, true},
		"expired":           {&Error{Code: 700027, Summary: "Registered client certificate has expired"}, 0, false},
		"secret":            {&Error{Code: 7000215}, 90 * time.Second, true},
		"expired secret":    {&Error{Code: 7000222}, 0, false},
		"tenant":            {&Error{Code: 90002}, 0, false},
	} {
		if patience, ok := mayBeNew(tc.err); patience != tc.patience || ok != tc.ok {
			t.Errorf("%s: %s, %t", name, patience, ok)
		}
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	p := newProxied(t)
	app := p.RegisterApp("new")
	s := p.ids(app)
	s.ClientSecret = hcl("client_secret", app.AddSecret(time.Hour))
	p.Faults.Add(emulator.Fault{Service: "entra", Method: "POST", Path: "/*/oauth2/v2.0/token", Status: 400,
		Code: "700016"})
	if _, err := open(t, s, p.options()).Await(t.Context(), DatabricksScope); err != nil {
		t.Error(err)
	}
	if n := p.Journal.Count("entra", "POST", ""); n != 2 {
		t.Errorf("Entra ID was asked %d times", n)
	}

	s.ClientSecret = hcl("client_secret", "wrong")
	_, err := open(t, s, p.options()).Await(soon{t.Context()}, DatabricksScope)
	if refusal, _ := errors.AsType[*Error](err); refusal == nil || refusal.Code != 7000215 ||
		!strings.Contains(refusal.Detail, "The provider repeated this login at Microsoft Entra ID for ") {
		t.Errorf("%v", err)
	}
	if n := p.Journal.Count("entra", "POST", ""); n != 4 {
		t.Errorf("Entra ID was asked %d times in all", n)
	}
}

// soon is a context whose deadline is always as close that Await can pause once, for a second, and not a second time,
// for two seconds. It never ends.
type soon struct{ context.Context }

func (soon) Deadline() (time.Time, bool) { return time.Now().Add(1900 * time.Millisecond), true }
