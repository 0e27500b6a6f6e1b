package auth

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hostile answers requests of one client with one body.
type hostile struct {
	next http.RoundTripper
	mine func(*http.Request) bool // nil: nothing yet
	body func() io.ReadCloser
}

func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.mine == nil || !h.mine(r) {
		return h.next.RoundTrip(r)
	}
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: h.body(), ContentLength: -1, Request: r}, nil
}

// cutOff is a body that breaks off.
type cutOff struct{ io.Reader }

func (cutOff) Close() error { return nil }

func (c cutOff) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Whatever those answer who give out tokens and secrets: it ends soon in an error, and nothing of it reaches a terminal as a
// control character.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	const deep = 300_000
	plain := func(text string) func() io.ReadCloser {
		return func() io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
	}
	bodies := map[string]func() io.ReadCloser{
		"deep JSON":          plain(`{"access_token":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + "}"),
		"lists for texts":    plain(`{"access_token":["x"],"value":["x"],"oidcToken":["x"],"id":["x"]}`),
		"objects for texts":  plain(`{"access_token":{},"value":{},"oidcToken":{},"id":{}}`),
		"null for texts":     plain(`{"access_token":null,"value":null,"oidcToken":null,"id":null}`),
		"a key twice":        plain(`{"access_token":"x","access_token":"","value":"x","value":"","oidcToken":"x","oidcToken":""}`),
		"two objects":        plain(`{"access_token":"x","value":"x"}{"access_token":"y"}`),
		"a list":             plain(`[{"access_token":"x","value":"x"}]`),
		"a body too long":    plain(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`),
		"a body that breaks": func() io.ReadCloser { return cutOff{strings.NewReader(`{"access_token":"x"`)} },
		"escape sequences":   plain("{\"error\":\"\\u001b[2J\\u0007\\u202e\",\"error_description\":\"\\u001b]0;x\\u0007\"}"),
		"an id that steps up": plain(`{"value":"","id":"https://kv-ml.vault.azure.net/secrets/../keys/\u001b[2J",` +
			`"access_token":""}`),
	}
	for name, prepare := range redirectedClients {
		for form, body := range bodies {
			t.Run(name+"/"+form, func(t *testing.T) {
				t.Parallel()
				p := newProxied(t)
				h := &hostile{next: p.transport, body: body}
				o := p.options()
				o.Transport, o.RetryTimeout = h, 5*time.Second // the preparations keep to it, too
				client := prepare(t, p, o)
				h.mine = func(r *http.Request) bool { return r.Method == client.method && r.URL.Host == client.host }
				began := time.Now()
				err := client.use(t.Context())
				if err == nil {
					t.Fatal("it is believed")
				}
				if strings.ContainsAny(err.Error(), "\x1b\x07\u202e") || len(err.Error()) > 4000 {
					t.Errorf("it writes to the terminal, or much: %.4000q", err.Error())
				}
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		}
	}
}
