package auth

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// hostile answers the requests that mine selects with a fixed status and body, and passes all other requests on.
type hostile struct {
	next   http.RoundTripper
	mine   func(*http.Request) bool // nil selects no request
	status int                      // 0 means 200
	body   func(*http.Request) io.ReadCloser

	asked atomic.Int32
}

func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.mine == nil || !h.mine(r) {
		return h.next.RoundTrip(r)
	}
	h.asked.Add(1)
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: cmp.Or(h.status, http.StatusOK), Header: header, Body: h.body(r),
		ContentLength: -1, Request: r}, nil
}

func plain(text string) func(*http.Request) io.ReadCloser {
	return func(*http.Request) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
}

// drip is a response body that never ends: it sends a space each millisecond until the request is cancelled.
type drip struct{ ctx context.Context }

func (drip) Close() error { return nil }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Millisecond):
		p[0] = ' '
		return 1, nil
	}
}

// cutOff is a response body that ends too early.
type cutOff struct{ io.Reader }

func (cutOff) Close() error { return nil }

func (c cutOff) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// forged is an error response in the forms of all services, whose texts imitate the output of Terraform.
const forged = `{"error":{"code":"\u001b[2J\nError: forged","message":"x\nError: forged\u202e","innererror":{"code":"\nError: forged"}},
	"error_description":"\r\nError: forged\u0007","message":"\nError: forged","$id":"\n","typeKey":"\nError: forged","error_codes":["\n"]}`

// TestHostileAnswers checks that a malicious response of a service that issues tokens or holds secrets soon leads to an
// error, and that the error brings no control character to a terminal.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	const deep = 300_000
	bodies := map[string]func(*http.Request) io.ReadCloser{
		"deep JSON":          plain(`{"access_token":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + "}"),
		"lists for texts":    plain(`{"access_token":["x"],"value":["x"],"oidcToken":["x"],"id":["x"]}`),
		"objects for texts":  plain(`{"access_token":{},"value":{},"oidcToken":{},"id":{}}`),
		"null for texts":     plain(`{"access_token":null,"value":null,"oidcToken":null,"id":null}`),
		"a key twice":        plain(`{"access_token":"x","access_token":"","value":"x","value":"","oidcToken":"x","oidcToken":""}`),
		"two objects":        plain(`{"access_token":"x","value":"x"}{"access_token":"y"}`),
		"a list":             plain(`[{"access_token":"x","value":"x"}]`),
		"a body too long":    plain(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`),
		"a body that breaks": func(*http.Request) io.ReadCloser { return cutOff{strings.NewReader(`{"access_token":"x"`)} },
		"a body that drips":  func(r *http.Request) io.ReadCloser { return drip{r.Context()} },
		"forged words":       plain(forged),
		"escape sequences":   plain("{\"error\":\"\\u001b[2J\\u0007\\u202e\",\"error_description\":\"\\u001b]0;x\\u0007\"}"),
		"an id that steps up": plain(`{"value":"","id":"https://kv-ml.vault.azure.net/secrets/../keys/\u001b[2J",` +
			`"access_token":""}`),
	}
	statuses := map[string]int{"forged words": http.StatusForbidden}
	for name, prepare := range redirectedClients {
		for form, body := range bodies {
			t.Run(name+"/"+form, func(t *testing.T) {
				t.Parallel()
				p := newProxied(t)
				h := &hostile{next: p.transport, body: body, status: statuses[form]}
				o := p.options()
				o.Transport, o.RetryTimeout = h, 5*time.Second // the requests of prepare have the same limit
				if form == "a body that drips" {
					o.AttemptTimeout = time.Second
				}
				client := prepare(t, p, o)
				h.mine = func(r *http.Request) bool { return r.Method == client.method && r.URL.Host == client.host }
				began := time.Now()
				err := client.use(t.Context())
				if err == nil {
					t.Fatal("it is believed")
				}
				if strings.ContainsAny(err.Error(), "\x1b\x07\u202e") ||
					strings.Contains(err.Error(), "\nError: forged") || len(err.Error()) > 4000 {
					t.Errorf("it writes to the terminal, or much: %.4000q", err.Error())
				}
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		}
	}
}

// timedClients are the logins whose access token comes with an expiry, and the method of their token requests.
var timedClients = map[string]struct {
	method string
	open   func(*testing.T, *proxied, Options) *Login
}{
	"Entra ID": {"POST", func(t *testing.T, p *proxied, o Options) *Login {
		app := p.RegisterApp("sp")
		s := p.ids(app)
		s.ClientSecret = hcl("client_secret", app.AddSecret(time.Hour))
		return open(t, s, o)
	}},
	"managed identity": {"GET", func(t *testing.T, p *proxied, o Options) *Login {
		app := p.RegisterApp("mi")
		p.AssignManagedIdentity(app, false)
		return open(t, withMSI(app.ClientID), o)
	}},
	"Databricks OAuth": {"POST", func(t *testing.T, p *proxied, o Options) *Login {
		w := p.NewWorkspace(emulator.WorkspaceOptions{})
		w.AddServicePrincipal(testClient, "managed")
		_, secret := w.AddOAuthSecret(testClient, time.Hour)
		return open(t, Settings{
			Host: hcl("host", w.HostName()), DatabricksClientID: hcl("databricks_client_id", testClient),
			DatabricksClientSecret: hcl("databricks_client_secret", secret),
		}, o)
	}},
}

// TestImplausibleExpiryTimes checks that an expiry that no token can have is an error, or that the expiry of the token
// counts as unknown.
func TestImplausibleExpiryTimes(t *testing.T) {
	t.Parallel()
	const absurd, past, wrong = "absurd", "past", "wrong"
	rows := map[string]string{
		`"expires_in":3600`:                                    "",
		`"expires_in":"3600"`:                                  "",
		`"expires_in":0`:                                       past,
		`"expires_in":-1`:                                      past,
		`"expires_in":-9223372036854775808`:                    absurd,
		`"expires_in":9223372036854775807`:                     absurd,
		`"expires_in":10000000000`:                             absurd,
		`"expires_on":"0"`:                                     absurd,
		`"expires_on":"-1"`:                                    absurd,
		`"expires_on":"9223372036854775807"`:                   absurd,
		`"expires_on":"99999999999999"`:                        absurd,
		`"expires_on":4102444800`:                              absurd,
		`"expires_in":3600,"expires_in":-9000000000`:           absurd,
		`"expires_in":3600,"refresh_in":-5`:                    "",
		`"expires_in":3600,"refresh_in":9223372036854775807`:   "",
		`"expires_in":3600,"ext_expires_in":-9007199254740993`: "",
		`"expires_in":1e400`:                                   wrong,
		`"expires_in":99999999999999999999999`:                 wrong,
		`"expires_in":3600.5`:                                  wrong,
		`"expires_in":"soon"`:                                  wrong,
		`"expires_in":[3600]`:                                  wrong,
		`"expires_in":{"x":3600}`:                              wrong,
		`"expires_in":true`:                                    wrong,
	}
	for name, client := range timedClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			for fields, form := range rows {
				h := &hostile{next: p.transport, body: plain(`{"access_token":"x","token_type":"Bearer",` +
					fields + `}`)}
				h.mine = func(r *http.Request) bool { return r.Method == client.method }
				o := p.options()
				o.Transport, o.RetryTimeout = h, time.Second
				l := client.open(t, p, o)
				for try := range int32(3) {
					token, err := l.AccessToken(t.Context(), DatabricksScope)
					rest := time.Until(token.ExpiresAt)
					switch {
					case form == wrong && err == nil, form != wrong && err != nil:
						t.Errorf("%s: %v, %v", fields, token, err)
					case form == absurd && !token.ExpiresAt.IsZero() && rest.Abs() > time.Minute, form == past &&
						rest > 0, form == "" && (rest < 59*time.Minute || rest > time.Hour):
						t.Errorf("%s: %v", fields, token)
					}
					if asked := h.asked.Load(); asked > try+1 {
						t.Errorf("%s: asked %d times for %d tokens", fields, asked, try+1)
					}
				}
			}
		})
	}
}

// TestVaultPagesWithoutEnd checks that a list of versions that never ends is an error, even if each page has new
// versions.
func TestVaultPagesWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]string{
		"a version on each": `{"id":"https://kv-ml.vault.azure.net/secrets/s/%032d","attributes":{"enabled":true}}`,
		"nothing on any":    "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			h := &hostile{next: p.transport}
			h.body = func(r *http.Request) io.ReadCloser {
				n, value := h.asked.Load(), entry
				if entry != "" {
					value = fmt.Sprintf(entry, n)
				}
				return plain(fmt.Sprintf(
					`{"value":[%s],"nextLink":"https://kv-ml.vault.azure.net/secrets/s/versions?page=%d"}`, value,
					n))(r)
			}
			o := p.options()
			o.Transport = h
			v := vaultFor(t, p, o)
			h.mine = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/versions") }
			versions, err := v.Versions(t.Context(), "s")
			if err == nil || !strings.Contains(err.Error(), "versions and pages") || h.asked.Load() > maxVersions+2 {
				t.Errorf("%d versions after %d pages: %v", len(versions), h.asked.Load(), err)
			}
		})
	}
}
