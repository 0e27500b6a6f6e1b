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

// A Fault makes a service fail in one way for the requests that match it. Status codes and Retry-After mean what RFC
// 9110 sections 10.2.3 and 15 say.
type Fault struct {
	// Service is required: "entra", "workspace", "serving", "vault", "arm", "imds", "issuer", "github", "azuredevops"
	// or "proxy". For the proxy, a request's path is a slash and the target, as in /kv.vault.azure.net:443.
	Service string
	// Method is the HTTP method of matching requests; an empty Method matches every method.
	Method string
	// Path is a pattern for the URL path, as in [path.Match], which compares segment by segment. A last segment "**"
	// matches any rest of the path. An empty Path matches every path.
	Path string
	// After is how many matching requests the fault lets pass before it begins.
	After int
	// Times is how many requests then fail: 0 means one request, -1 means all.
	Times int

	// Status makes the service answer with this status instead of doing the work.
	Status int
	// Code and Message are written into an error body in the format of the service.
	Code, Message string
	// HTML answers with an HTML page, as a gateway in front of the service does.
	HTML bool
	// Body and ContentType replace the service's error body and its content type.
	Body, ContentType string
	// Empty answers without a body.
	Empty bool
	// Location is the address that an answer with a 3xx status redirects to. The answer has no body unless Body or HTML
	// is set.
	Location string
	// Header holds headers that replace those of the service's answer, such as a Date that is wrong by years. If Status
	// is 0, the service does its work and answers as usual, with these headers.
	Header map[string]string
	// Truncate lets the service do its work, but sends only the first half of the answer, so that its JSON is
	// incomplete.
	Truncate bool
	// RetryAfter is the number of seconds in the Retry-After header; 0 sends no such header.
	RetryAfter int
	// Drop closes the connection without an answer. "before" closes it before the service does the work. "after" closes
	// it after the work, so that the caller cannot know that the work was done. Note that net/http itself repeats a GET
	// whose kept-alive connection was closed.
	Drop string
	// Delay is how long, in real time, the request waits before anything else happens.
	Delay time.Duration
	// WorkDone does the work before the answer with Status, like a service that fails after it has saved the change.
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
	case f.Status == 0 && (f.Code != "" || f.Message != "" || f.Body != "" || f.HTML || f.RetryAfter != 0 || f.Empty ||
		f.Location != ""):
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

// Faults are the declared faults of a tenant's services. If several faults match a request, the request fails by the
// one that was declared first and is not used up. If a fault lets the request pass because of its After, the request
// counts for that fault, and the next fault is tried.
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

// Add declares a fault and returns its number. Add panics if the fault could never act as written, because a test would
// otherwise succeed without the failure that it wants to test.
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

// Clear withdraws all faults, whether they have hit a request or not.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.declared = nil
}

// Unmet returns the faults that have hit no request. If a fault that a test declared is still among them at the end,
// the test did not test that failure.
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

// meet counts a request for the matching faults, and returns the fault that the request fails by, if there is one.
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

// statusWriter records the status of an answer for the journal.
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

// discardWriter discards the answer of work that a fault lets happen but whose answer nobody gets.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(int)             {}

// instrument wraps the handler of a service. It adds faults, latency, entries in the journal, a Date header by the
// tenant's clock, and a request id. errorBody writes the code and message of a fault in the format of the service.
func (t *Tenant) instrument(
	service string, errorBody func(f Fault) (contentType string, body []byte), next http.Handler,
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, note := withJournalNote(r)
		answer := &statusWriter{ResponseWriter: w}
		entry := Entry{Time: t.Clock.Now(), Service: service, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
		// This runs deferred, so that the journal also contains a request whose connection is dropped.
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
			// The service does not see the request, but the journal must name its route.
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
			// On this panic net/http closes the connection, or resets the HTTP/2 stream, and logs nothing.
			panic(http.ErrAbortHandler)
		}
		writeFault(answer, fault, errorBody)
	})
}

// serveCounted serves the request. Like net/http, it records status 200 if the handler wrote nothing.
func serveCounted(next http.Handler, w *statusWriter, r *http.Request) {
	next.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// serveAltered serves the request, replaces headers of the answer by those of the fault, and sends only the first half
// of the answer if the fault's Truncate is set.
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

// heldWriter buffers an answer, so that its headers can still be changed after the handler has ended.
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

// page returns an HTML page with the fault's message as its title. For a status below 400 the page is like a proxy's
// sign-in page; otherwise it is like the error page of a gateway.
func (f Fault) page() []byte {
	message := html.EscapeString(f.Message)
	if f.Status < 400 {
		return fmt.Appendf(nil, "<!doctype html>\n<html>\n<head>\n<title>%s</title>\n</head>\n<body></body>\n</html>\n",
			message)
	}
	return fmt.Appendf(nil, "<html>\n<head>\n<title>Error %d %s</title>\n</head>\n<body><h2>HTTP ERROR: "+
		"%d</h2>\n<pre>%s</pre>\n</body>\n</html>\n",
		f.Status, message, f.Status, message)
}
