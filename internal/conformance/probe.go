package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer is the largest size of an answer, in bytes.
	maxAnswer = 8 << 20
	// attemptTimeout is the time limit for one request.
	attemptTimeout = 30 * time.Second
	// maxThrottled is how often a request is sent while the service throttles it.
	maxThrottled = 3
)

// probe holds the data of one run. It sends the requests and records what the run creates.
type probe struct {
	target Target
	client *http.Client
	clock  Clock
	wait   time.Duration
	prefix string

	writing bool   // the current check may change something
	closed  string // why the workspace cannot be checked any further
	secrets []string
	created []creation
	fixtures
}

func newProbe(target Target, options Options) *probe {
	p := &probe{target: target, clock: options.Clock, wait: options.Wait}
	if p.clock == nil {
		p.clock = machineClock{}
	}
	if p.wait == 0 {
		p.wait = time.Minute
	}
	p.target.Host, p.target.Vault = strings.TrimRight(target.Host, "/"), strings.TrimRight(target.Vault, "/")
	// The client does not follow redirects, because a redirect is an answer to judge, and because a token must not be
	// sent to another host.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p.client = &http.Client{Transport: options.Transport, CheckRedirect: stay}
	p.prefix = Prefix + randomHex(4) + "-"
	return p
}

// Prefix is the first part of the name of everything that a run creates. A random part follows, which distinguishes the
// runs.
const Prefix = "dbxaccess-conformance-"

func randomHex(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails, according to its documentation
	return hex.EncodeToString(raw)
}

// request describes one HTTP request. A nil login sends no credential.
type request struct {
	method, url string
	body        any
	login       func(context.Context) (string, error)
	// form sends the body, which must be url.Values, as a form.
	form bool
}

// answer is the answer of a service. If err is set, there was no readable answer.
type answer struct {
	status int
	header http.Header
	raw    []byte
	json   any // nil if the body is not JSON
	err    error
}

// get sends a GET request to the workspace with the run's own login.
func (p *probe) get(ctx context.Context, path string) answer {
	return p.send(ctx, http.MethodGet, path, nil)
}

func (p *probe) send(ctx context.Context, method, path string, body any) answer {
	return p.do(ctx, request{method: method, url: p.target.Host + path, body: body, login: p.admin})
}

// me requests the current user from the workspace with the given token.
func (p *probe) me(ctx context.Context, token string) answer {
	login := func(context.Context) (string, error) { return token, nil }
	return p.do(ctx, request{method: http.MethodGet, url: p.target.Host + scimPath + "/Me", login: login})
}

// anonymous sends a GET request without a credential.
func (p *probe) anonymous(ctx context.Context, address string) answer {
	return p.do(ctx, request{method: http.MethodGet, url: address})
}

func (p *probe) admin(ctx context.Context) (string, error) {
	return p.target.Login(ctx, p.target.DatabricksScope)
}

// second sends a request to the workspace as the second application.
func (p *probe) second(ctx context.Context, method, path string, body any) answer {
	if p.target.Second == nil {
		return answer{err: noSecond}
	}
	login := func(ctx context.Context) (string, error) { return p.target.Second.Login(ctx, p.target.DatabricksScope) }
	return p.do(ctx, request{method: method, url: p.target.Host + path, body: body, login: login})
}

const noSecond = missing("needs a second application that is not in the workspace")

// do sends a request. If the service throttles the request, do repeats it, which is safe because the service did not
// process it.
func (p *probe) do(ctx context.Context, r request) answer {
	for tries := 1; ; tries++ {
		a := p.once(ctx, r)
		if a.err != nil || a.status != http.StatusTooManyRequests || tries == maxThrottled {
			return a
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || seconds < 1 || seconds > 10 {
			seconds = 2
		}
		if !p.clock.Sleep(ctx, time.Duration(seconds)*time.Second) {
			return a
		}
	}
}

func (p *probe) once(ctx context.Context, r request) answer {
	if r.method != http.MethodGet && !r.form && !p.writing {
		return answer{err: fmt.Errorf("a check that only reads wanted to send %s", r.method)}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	var body io.Reader = http.NoBody
	contentType := "application/json"
	switch given := r.body.(type) {
	case nil:
	case url.Values:
		body, contentType = strings.NewReader(given.Encode()), "application/x-www-form-urlencoded"
	default:
		raw, err := json.Marshal(given)
		if err != nil {
			return answer{err: err}
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return answer{err: err}
	}
	if r.body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("User-Agent", "terraform-provider-dbxaccess conformance")
	if id := p.target.WorkspaceID; id != "" && strings.HasPrefix(r.url, p.target.Host+"/") {
		req.Header.Set("X-Databricks-Workspace-Id", id)
	}
	if r.login != nil {
		token, err := r.login(ctx)
		if err != nil {
			return answer{err: fmt.Errorf("the login failed: %w", err)}
		}
		p.keepSecret(token)
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{err: err}
	}
	if len(raw) > maxAnswer {
		return answer{err: fmt.Errorf("the answer is larger than %d bytes", maxAnswer)}
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	if json.Unmarshal(raw, &a.json) != nil {
		a.json = nil
	}
	return a
}

type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

func (machineClock) Sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// eventually calls so repeatedly until it returns true, or until the run's waiting time is over. It returns how long
// that took, with an error of about an eighth.
func (p *probe) eventually(ctx context.Context, so func() bool) (after time.Duration, ok bool) {
	const shortest, longest = 50 * time.Millisecond, 5 * time.Second
	start := p.clock.Now()
	for {
		after = p.clock.Now().Sub(start)
		switch {
		case so():
			return after, true
		case after >= p.wait || !p.clock.Sleep(ctx, min(after/8+shortest, longest)):
			return after, false
		}
	}
}

// keepSecret records a secret that must not be printed.
func (p *probe) keepSecret(secret string) {
	if secret != "" {
		for _, known := range p.secrets {
			if known == secret {
				return
			}
		}
		p.secrets = append(p.secrets, secret)
	}
}

// credential matches text that looks like a token. Such text is never printed, whatever answer contains it.
var credential = regexp.MustCompile(`dapi[0-9a-f]{8,}[-0-9]*|ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)

// scrub makes text from a service fit for one cell of the table. It removes secrets and line breaks and shortens the
// text to 200 characters.
func (p *probe) scrub(text string) string {
	for _, secret := range p.secrets {
		text = strings.ReplaceAll(text, secret, "(secret)")
	}
	text = credential.ReplaceAllString(text, "(secret)")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:199]) + "…"
	}
	return text
}

// ok reports whether an answer is a success. An HTML page is never a success, whatever its status.
func (a answer) ok() bool {
	return a.err == nil && a.status >= 200 && a.status < 300 && (a.json != nil || len(a.raw) == 0)
}

// nothingDone reports whether a request that should create an object has certainly created nothing. That is so if the
// service itself, and not a proxy, refused the request.
func (a answer) nothingDone() bool {
	return a.err == nil && a.status >= 400 && a.status < 500 && a.json != nil
}

// at returns the value at a path of names in the answer's JSON, or nil if there is none.
func (a answer) at(names ...string) any { return at(a.json, names...) }

func at(v any, names ...string) any {
	for _, name := range names {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// text returns the string at a path of names in the answer's JSON, or an empty string if there is none.
func (a answer) text(names ...string) string {
	s, _ := a.at(names...).(string)
	return s
}

// items returns the objects of the list at a path of names in the answer's JSON.
func (a answer) items(names ...string) []map[string]any { return items(a.at(names...)) }

func items(v any) []map[string]any {
	list, _ := v.([]any)
	var objects []map[string]any
	for _, item := range list {
		if object, ok := item.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

// code returns the error code of an answer, in whichever form the service sends it.
func (a answer) code() string {
	for _, path := range [][]string{{"error_code"}, {"error", "code"}, {"scimType"}, {"error"}} {
		switch v := a.at(path...).(type) {
		case string:
			return v
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return ""
}

var title = regexp.MustCompile(`(?is)<title>(.*?)</title>`)

func (a answer) message() string {
	for _, path := range [][]string{{"message"}, {"error", "message"}, {"detail"}, {"error_description"}} {
		if s := a.text(path...); s != "" {
			return s
		}
	}
	if a.json == nil {
		if m := title.FindSubmatch(a.raw); m != nil {
			return string(m[1])
		}
		if strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			return string(a.raw)
		}
	}
	return ""
}

// numericCode reports whether error_code is a number, as in answers of the workspace's gateway.
func (a answer) numericCode() bool {
	_, ok := a.at("error_code").(float64)
	return ok
}

func (a answer) html() bool { return strings.HasPrefix(a.header.Get("Content-Type"), "text/html") }

// String returns the answer's status for the table and, for a refusal, the error's code and message. It never returns
// the JSON body of a success.
func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	words := []string{strconv.Itoa(a.status)}
	switch {
	case a.status >= 400:
		words = append(words, a.code(), a.message())
		if a.json == nil {
			words = append(words, fmt.Sprintf("(%d bytes", len(a.raw)), a.header.Get("Content-Type")+")")
		}
	case a.status >= 300:
		words = append(words, "to", a.header.Get("Location"))
	case len(a.raw) == 0:
		words = append(words, "without a body")
	case a.json == nil:
		words = append(words, "no JSON:", a.message())
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// refused reports whether an answer is an error with the given status and code. An empty code matches any code.
func (a answer) refused(status int, code string) bool {
	return a.err == nil && a.status == status && (code == "" || a.code() == code)
}

var requestID = regexp.MustCompile(` ?\[ReqId: [^\]]*\]$`)

// refusal judges an answer that should be a refusal, where public documentation does not settle the status, the code or
// the message. The arguments after name are the emulator's default. The outcome's switch contains what differs from
// that default. In the message, {} stands for the subject.
func refusal(a answer, name string, status int, code, message, subject string) Outcome {
	if a.err != nil {
		return failed(a.err)
	}
	if a.status < 400 {
		return wrong("%s: not refused", a)
	}
	differs := map[string]any{}
	if a.status != status {
		differs["Status"] = a.status
	}
	if got := a.code(); got != code {
		differs["Code"] = got
	}
	got := requestID.ReplaceAllString(a.message(), "")
	if subject != "" {
		got = strings.ReplaceAll(got, subject, "{}")
	}
	if got != message {
		differs["Message"] = got
	}
	if len(differs) == 0 {
		return open(a.String())
	}
	return open(a.String(), workspaceSwitch(name, differs))
}
