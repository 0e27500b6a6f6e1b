package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A Fault is one way for a service to fail, declared by route. Status codes and
// Retry-After have the meaning RFC 9110 sections 10.2.3 and 15 give them.
type Fault struct {
	// Service is "entra", "workspace", "serving", "vault", "arm", "imds", "issuer", "github",
	// "azuredevops" or "proxy"; required. To the proxy a path is a slash and the
	// target, as in /kv.vault.azure.net:443.
	Service string
	// Method is an HTTP method; empty for any.
	Method string
	// Path is matched against the URL path, segment by segment, as [path.Match]
	// does; a last segment "**" matches any rest. Empty for any path.
	Path string
	// After is how many matching requests pass unharmed first.
	After int
	// Times is how many requests then fail: 0 for one, -1 for ever.
	Times int

	// Status answers with this status instead of doing the work.
	Status int
	// Code and Message fill an error body in the dialect of the service.
	Code, Message string
	// HTML answers with an HTML page, as a gateway before the service does.
	HTML bool
	// Body and ContentType replace the error body.
	Body, ContentType string
	// Empty answers without a body.
	Empty bool
	// Location is where a status of 3xx redirects to. The answer has no body unless one is given.
	Location string
	// Header holds headers of the answer, which replace those of the service, such as a Date that is years off. Without a
	// Status the service answers as it would, with these headers.
	Header map[string]string
	// Truncate does the work and sends the first half of its answer, as JSON that ends too early.
	Truncate bool
	// RetryAfter is a Retry-After header in seconds; 0 for none.
	RetryAfter int
	// Drop closes the connection without an answer: "before" the work, or
	// "after" it, when the caller cannot know that it was done. Mind that net/http
	// itself repeats a GET whose kept-alive connection was closed.
	Drop string
	// Delay passes, in real time, before anything else happens.
	Delay time.Duration
	// WorkDone does the work before the answer with Status, as a service does
	// that fails after it has committed.
	WorkDone bool
}

func (f Fault) validate() error {
	switch {
	case f.Service == "":
		return errors.New("a fault needs a service")
	case f.Times < -1:
		return errors.New("a fault's times is -1 (for ever) or a count")
	case f.After < 0:
		return errors.New("a fault's after is a count")
	case f.Delay < 0:
		return errors.New("a fault's delay cannot be negative")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("a fault cannot answer with status %d", f.Status)
	case f.Drop != "" && f.Drop != "before" && f.Drop != "after":
		return fmt.Errorf("a fault drops the connection before or after the work, not %q", f.Drop)
	case f.Drop != "" && f.Status != 0:
		return errors.New("a fault drops the connection or answers with a status, not both")
	case f.WorkDone && f.Status == 0:
		return errors.New("a fault with the work done needs a status")
	case f.Truncate && (f.Status != 0 || f.Drop != ""):
		return errors.New("a fault truncates the service's own answer: it has no status and no drop")
	case f.Status == 0 && f.Drop == "" && f.Delay == 0 && !f.Truncate && len(f.Header) == 0:
		return errors.New("a fault needs a status, a drop, a delay, headers or a truncation")
	case f.Status == 0 && (f.Code != "" || f.Message != "" || f.Body != "" || f.HTML || f.RetryAfter != 0 || f.Empty || f.Location != ""):
		return errors.New("a fault with an answer needs a status")
	case f.Empty && (f.Code != "" || f.Message != "" || f.Body != "" || f.HTML):
		return errors.New("a fault with an empty answer has no text")
	case f.Location != "" && f.Status/100 != 3:
		return errors.New("a fault with a location needs a status of 3xx")
	case f.Drop != "" && len(f.Header) > 0:
		return errors.New("a fault that drops the connection sends no headers")
	}
	if f.Path != "" && !strings.HasPrefix(f.Path, "/") {
		return fmt.Errorf("a fault's path %q does not begin with a slash", f.Path)
	}
	if _, err := path.Match(f.Path, ""); err != nil {
		return fmt.Errorf("a fault's path %q: %w", f.Path, err)
	}
	return nil
}

func (f Fault) matches(service, method, urlPath string) bool {
	if f.Service != service || f.Method != "" && !strings.EqualFold(f.Method, method) {
		return false
	}
	if f.Path == "" {
		return true
	}
	if prefix, rest := strings.CutSuffix(f.Path, "/**"); rest {
		segments := strings.Split(urlPath, "/")
		if n := strings.Count(prefix, "/") + 1; n < len(segments) {
			urlPath = strings.Join(segments[:n], "/")
		} else {
			return false
		}
		matched, _ := path.Match(prefix, urlPath)
		return matched
	}
	matched, _ := path.Match(f.Path, urlPath)
	return matched
}

// Faults are the declared failures of a tenant's services. Where several match a
// request, the one declared first and not yet used up meets it; a request that a
// fault lets pass counts for that fault and is offered to the next.
type Faults struct {
	mu       sync.Mutex
	lastID   int
	declared []*declaredFault
}

type declaredFault struct {
	Fault
	id           int
	passed, hits int
}

// Add declares a fault and returns its number. It panics on a fault that could
// never act as written, because a test would otherwise pass without it.
func (f *Faults) Add(fault Fault) (id int) {
	id, err := f.add(fault)
	if err != nil {
		panic("emulator: " + err.Error())
	}
	return id
}

func (f *Faults) add(fault Fault) (int, error) {
	if err := fault.validate(); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastID++
	f.declared = append(f.declared, &declaredFault{Fault: fault, id: f.lastID})
	return f.lastID, nil
}

// Clear withdraws all faults, met or not.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.declared = nil
}

// Unmet are the faults no request has met. A test that declared a fault and
// leaves one here has not tested what it says.
func (f *Faults) Unmet() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	unmet := []Fault{}
	for _, d := range f.declared {
		if d.hits == 0 {
			unmet = append(unmet, d.Fault)
		}
	}
	return unmet
}

// meet counts a request against the faults and returns the one it runs into.
func (f *Faults) meet(service, method, urlPath string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.declared {
		if !d.matches(service, method, urlPath) {
			continue
		}
		if d.Times >= 0 && d.hits >= max(d.Times, 1) {
			continue
		}
		if d.passed < d.After {
			d.passed++
			continue
		}
		d.hits++
		return d.Fault, true
	}
	return Fault{}, false
}

// statusWriter remembers the status for the journal.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// discardWriter takes the answer of work whose answer nobody is to see.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(int)             {}

// instrument gives a service its faults, its journal, a Date header from the
// moved clock and a request id. errorBody writes a fault's code and message in
// the dialect of the service.
func (t *Tenant) instrument(service string, errorBody func(f Fault) (contentType string, body []byte), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, note := withJournalNote(r)
		answer := &statusWriter{ResponseWriter: w}
		entry := Entry{Time: t.Clock.Now(), Service: service, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
		// Deferred, so that a dropped connection is in the journal too.
		defer func() {
			entry.Status, entry.Route, entry.Caller = answer.status, note.route, note.caller
			if entry.Route == "" {
				entry.Route = routeOf(r.Pattern)
			}
			t.Journal.add(entry)
		}()

		answer.Header().Set("Date", t.Clock.Now().Format(http.TimeFormat))
		answer.Header().Set("X-Request-Id", uuid.NewString())

		t.Latency.pass(r)
		fault, met := t.Faults.meet(service, r.Method, r.URL.Path)
		if !met {
			serveCounted(next, answer, r)
			return
		}
		if fault.Delay > 0 {
			select {
			case <-time.After(fault.Delay):
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		}
		work := fault.WorkDone || fault.Drop == "after"
		switch {
		case work:
			next.ServeHTTP(&discardWriter{header: http.Header{}}, r)
		case fault.Status != 0 || fault.Drop != "":
			// The work is not reached, yet the journal should say which work.
			if mux, ok := next.(interface {
				Handler(*http.Request) (http.Handler, string)
			}); ok {
				_, r.Pattern = mux.Handler(r)
			} else {
				note.route = r.URL.Path
			}
		default:
			serveAltered(next, answer, r, fault)
			return
		}
		if fault.Drop != "" {
			// net/http closes the connection (or resets the stream) on this panic and logs nothing.
			panic(http.ErrAbortHandler)
		}
		writeFault(answer, fault, errorBody)
	})
}

// serveCounted serves and, like net/http, takes silence for 200.
func serveCounted(next http.Handler, w *statusWriter, r *http.Request) {
	next.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// serveAltered serves with the headers of a fault in place of the service's own, and half of the answer if the fault says so.
func serveAltered(next http.Handler, w *statusWriter, r *http.Request, f Fault) {
	if !f.Truncate && len(f.Header) == 0 {
		serveCounted(next, w, r)
		return
	}
	answer := &heldWriter{header: w.Header(), status: http.StatusOK}
	next.ServeHTTP(answer, r)
	f.setHeader(w.Header())
	body := answer.body.Bytes()
	if f.Truncate {
		body = body[:len(body)/2]
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(body)
}

// heldWriter holds an answer back, so that its headers can still change when it is complete.
type heldWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *heldWriter) Header() http.Header         { return w.header }
func (w *heldWriter) WriteHeader(status int)      { w.status = status }
func (w *heldWriter) Write(p []byte) (int, error) { return w.body.Write(p) }

func (f Fault) setHeader(header http.Header) {
	for name, value := range f.Header {
		header.Set(name, value)
	}
}

func writeFault(w http.ResponseWriter, f Fault, errorBody func(f Fault) (string, []byte)) {
	var contentType string
	var body []byte
	switch {
	case f.Body != "":
		contentType, body = "text/plain; charset=utf-8", []byte(f.Body)
	case f.HTML:
		contentType, body = "text/html; charset=utf-8", f.page()
	case f.Empty || f.Location != "":
	default:
		contentType, body = errorBody(f)
	}
	if f.ContentType != "" {
		contentType = f.ContentType
	}
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	if f.Location != "" {
		w.Header().Set("Location", f.Location)
	}
	f.setHeader(w.Header())
	w.WriteHeader(f.Status)
	if len(body) > 0 {
		_, _ = w.Write(body)
	}
}

// page is a gateway's error page, or, with a status below 400, a page such as a proxy's sign-in page, with the message as
// its title.
func (f Fault) page() []byte {
	message := html.EscapeString(f.Message)
	if f.Status < 400 {
		return fmt.Appendf(nil, "<!doctype html>\n<html>\n<head>\n<title>%s</title>\n</head>\n<body></body>\n</html>\n", message)
	}
	return fmt.Appendf(nil, "<html>\n<head>\n<title>Error %d %s</title>\n</head>\n<body><h2>HTTP ERROR: %d</h2>\n<pre>%s</pre>\n</body>\n</html>\n",
		f.Status, message, f.Status, message)
}
