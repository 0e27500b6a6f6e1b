package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"
)

// echo is a server in place of a service. It answers with the request that it received, as debugging proxies and block
// pages do.
type echo struct {
	next   http.RoundTripper
	answer func(request string) (status int, header http.Header, body string)

	mu   sync.Mutex
	mine func(*http.Request) bool // nil: nothing yet
	sent []string                 // secrets
}

func (e *echo) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mine == nil || !e.mine(r) {
		return e.next.RoundTrip(r)
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	for _, name := range []string{"Authorization", "X-Identity-Header"} {
		if value := r.Header.Get(name); value != "" {
			e.sent = append(e.sent, strings.TrimPrefix(value, "Bearer "))
		}
	}
	form, _ := url.ParseQuery(string(body))
	for _, name := range []string{"client_secret", "client_assertion"} {
		e.sent = append(e.sent, form[name]...)
	}
	var stored struct{ Value string }
	if json.Unmarshal(body, &stored) == nil && stored.Value != "" {
		e.sent = append(e.sent, stored.Value)
	}
	request := fmt.Sprintf("%s %s\n", r.Method, r.URL)
	for name, values := range r.Header {
		request = name + ": " + strings.Join(values, ",") + "\n" + request
	}
	status, header, text := e.answer(request + string(body) + "\x1b[2J")
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Header: header,
		Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func inJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// echoes are the forms of responses that repeat the request.
var echoes = map[string]func(request string) (status int, header http.Header, body string){
	"error of Entra ID": func(r string) (int, http.Header, string) {
		return 400, http.Header{"Content-Type": {"application/json"}},
			inJSON(map[string]any{"error": r, "error_description": "AADSTS7000215: " + r, "correlation_id": r,
				"timestamp": r, "message": r})
	},
	"error in a new form": func(r string) (int, http.Header, string) {
		return 401, http.Header{"Content-Type": {"application/json"}},
			inJSON(map[string]any{"error": "x", "error_description": r})
	},
	"error of Key Vault": func(r string) (int, http.Header, string) {
		return 403, http.Header{"X-Ms-Error-Code": {r}, "X-Ms-Request-Id": {r}},
			inJSON(map[string]any{"error": map[string]any{"code": r, "message": r,
				"innererror": map[string]any{"code": r}}})
	},
	"page": func(r string) (int, http.Header, string) {
		return 200, http.Header{"Content-Type": {"text/html"}}, "<html><title>" + r + "</title>" + r
	},
	"refusing page": func(r string) (int, http.Header, string) {
		return 403, http.Header{"Content-Type": {"text/html"}}, "<html><title>" + r + "</title>" + r
	},
	"plain text": func(r string) (int, http.Header, string) {
		return 404, http.Header{"Content-Type": {"text/plain"}}, r
	},
	"success about something else": func(r string) (int, http.Header, string) {
		return 200, http.Header{}, inJSON(map[string]any{"id": "https://kv-ml.vault.azure.net/secrets/" +
			url.PathEscape(r), "resource": r, "note": r})
	},
	"success of wrong types": func(r string) (int, http.Header, string) {
		return 200, http.Header{}, inJSON(map[string]any{"id": []string{r}, "access_token": map[string]string{r: r},
			"value": []string{r}})
	},
	"redirect": func(r string) (int, http.Header, string) {
		return 302, http.Header{"Location": {"https://elsewhere.example/" + url.PathEscape(r) + "?" +
			url.QueryEscape(r)}}, r
	},
}

// TestEchoedSecretsAreHidden checks that a response that repeats the request brings no part of a secret into an error
// or the log, and no escape sequence for a terminal.
func TestEchoedSecretsAreHidden(t *testing.T) {
	t.Parallel()
	for name, prepare := range redirectedClients {
		for form, answer := range echoes {
			t.Run(name+"/"+form, func(t *testing.T) {
				t.Parallel()
				p := newProxied(t)
				e := &echo{next: p.transport, answer: answer}
				o := p.options()
				o.Transport, o.RetryTimeout = e, 5*time.Second // the preparations keep to it, too
				client := prepare(t, p, o)
				e.mu.Lock()
				e.mine = func(r *http.Request) bool { return r.Method == client.method && r.URL.Host == client.host }
				e.mu.Unlock()
				var log bytes.Buffer
				err := client.use(tflogtest.RootLogger(t.Context(), &log))
				if err == nil {
					t.Fatal("no error")
				}
				e.mu.Lock()
				defer e.mu.Unlock()
				wantHidden(t, fmt.Sprintf("%s %+v %s", err, err, log.String()), e.sent)
			})
		}
	}
}

// wantHidden fails if the text contains a part of a secret or an escape character.
func wantHidden(t *testing.T, text string, secrets []string) {
	t.Helper()
	if len(secrets) == 0 {
		t.Log("nothing secret was sent")
	}
	for _, secret := range secrets {
		const piece = 12
		for i := 0; i+piece <= len(secret); i++ {
			if strings.Contains(text, secret[i:i+piece]) {
				t.Fatalf("%q of a secret shows in:\n%s", secret[i:i+piece], text)
			}
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("an escape sequence for the terminal shows in:\n%q", text)
	}
}
