package emulator

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counter returns a handler with faults that counts its requests. A test reads from work how often the handler ran.
func counter(tenant *Tenant) (handler http.Handler, work *atomic.Int64) {
	work = new(atomic.Int64)
	mux := http.NewServeMux()
	mux.HandleFunc("/things/{name}", func(w http.ResponseWriter, r *http.Request) {
		work.Add(1)
		noteCaller(r, "somebody")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "done")
	})
	dialect := func(f Fault) (string, []byte) { return "application/json", []byte(`{"code":"` + f.Code + `"}`) }
	return tenant.instrument("workspace", dialect, mux), work
}

func ask(handler http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestFaultMatches(t *testing.T) {
	for _, tc := range []struct {
		fault        Fault
		method, path string
		want         bool
	}{
		{Fault{Service: "workspace"}, "GET", "/a", true},
		{Fault{Service: "entra"}, "GET", "/a", false},
		{Fault{Service: "workspace", Method: "get"}, "GET", "/a", true},
		{Fault{Service: "workspace", Method: "POST"}, "GET", "/a", false},
		{Fault{Service: "workspace", Path: "/a/*"}, "GET", "/a/b", true},
		{Fault{Service: "workspace", Path: "/a/*"}, "GET", "/a/b/c", false},
		{Fault{Service: "workspace", Path: "/a/*/c"}, "GET", "/a/b/c", true},
		{Fault{Service: "workspace", Path: "/a/**"}, "GET", "/a/b/c", true},
		{Fault{Service: "workspace", Path: "/a/**"}, "GET", "/a/b", true},
		{Fault{Service: "workspace", Path: "/a/**"}, "GET", "/a", false},
		{Fault{Service: "workspace", Path: "/a/**"}, "GET", "/ab/c", false},
		{Fault{Service: "workspace", Path: "/*/b/**"}, "GET", "/a/b/c/d", true},
		{Fault{Service: "workspace", Path: "/**"}, "GET", "/a", true},
	} {
		if got := tc.fault.matches("workspace", tc.method, tc.path); got != tc.want {
			t.Errorf("%+v matches %s %s: %t", tc.fault, tc.method, tc.path, got)
		}
	}
}

func TestFaultThatCannotAct(t *testing.T) {
	for name, fault := range map[string]Fault{
		"no service":             {Status: 500},
		"no effect":              {Service: "entra"},
		"status and drop":        {Service: "entra", Status: 500, Drop: "after"},
		"unknown drop":           {Service: "entra", Drop: "during"},
		"malformed pattern":      {Service: "entra", Status: 500, Path: "/[a"},
		"malformed prefix":       {Service: "entra", Status: 500, Path: "/[a/**"},
		"status out of range":    {Service: "entra", Status: 42},
		"body without status":    {Service: "entra", Delay: 1, Message: "x"},
		"work without status":    {Service: "entra", Drop: "after", WorkDone: true},
		"times below for ever":   {Service: "entra", Status: 500, Times: -2},
		"pattern without slash":  {Service: "entra", Status: 500, Path: "things"},
		"after a negative count": {Service: "entra", Status: 500, After: -1},
		"empty and a text":       {Service: "entra", Status: 500, Empty: true, Message: "x"},
		"empty without status":   {Service: "entra", Delay: 1, Empty: true},
		"location without 3xx":   {Service: "entra", Status: 200, Location: "/login"},
		"truncated and a status": {Service: "entra", Status: 200, Truncate: true},
		"headers and a drop":     {Service: "entra", Drop: "after", Header: map[string]string{"Date": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("was declared")
				}
			}()
			(&Faults{}).Add(fault)
		})
	}
}

func TestFaultIsCounted(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, work := counter(tenant)
	tenant.Faults.Add(Fault{Service: "workspace", Method: "POST", Path: "/things/*", After: 1, Times: 2, Status: 503,
		Code: "TEMPORARILY_UNAVAILABLE", RetryAfter: 7})
	unmet := tenant.Faults.Add(Fault{Service: "workspace", Path: "/other", Status: 500})

	var got []int
	ask(handler, "GET", "/things/a") // another method, so the fault does not count this request
	for range 5 {
		w := ask(handler, "POST", "/things/a")
		got = append(got, w.Code)
		if w.Code == 503 && (w.Header().Get("Retry-After") != "7" ||
			w.Body.String() != `{"code":"TEMPORARILY_UNAVAILABLE"}`) {
			t.Errorf("answer %v %s", w.Header(), w.Body)
		}
	}
	want := []int{201, 503, 503, 201, 201}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("statuses %v, want %v", got, want)
		}
	}
	if work.Load() != 4 {
		t.Errorf("work was done %d times, want 4", work.Load())
	}
	if left := tenant.Faults.Unmet(); unmet != 2 || len(left) != 1 || left[0].Path != "/other" {
		t.Errorf("fault %d; unmet %+v", unmet, left)
	}
	tenant.Faults.Clear()
	if left := tenant.Faults.Unmet(); len(left) != 0 {
		t.Errorf("unmet after clearing: %+v", left)
	}
}

func TestFaultForEverAndOnce(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, work := counter(tenant)
	tenant.Faults.Add(Fault{Service: "workspace", Status: 429})
	tenant.Faults.Add(Fault{Service: "workspace", Status: 500, Times: -1})
	for i, want := range []int{429, 500, 500, 500} {
		if w := ask(handler, "GET", "/things/a"); w.Code != want {
			t.Errorf("request %d: %d, want %d", i, w.Code, want)
		}
	}
	if work.Load() != 0 {
		t.Errorf("work was done %d times", work.Load())
	}
}

func TestFaultAnswers(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, work := counter(tenant)
	for _, tc := range []struct {
		fault             Fault
		contentType, body string
		work              int64
	}{
		{Fault{Status: 502, HTML: true, Message: "<bad> gateway"}, "text/html; charset=utf-8", "<pre>&lt;bad&gt; gateway</pre>", 0},
		{Fault{Status: 500, Body: "oops"}, "text/plain; charset=utf-8", "oops", 0},
		{Fault{Status: 500, Body: "<x/>", ContentType: "text/xml"}, "text/xml", "<x/>", 0},
		{Fault{Status: 503, Code: "C", WorkDone: true}, "application/json", `{"code":"C"}`, 1},
	} {
		work.Store(0)
		tc.fault.Service = "workspace"
		tenant.Faults.Add(tc.fault)
		w := ask(handler, "PUT", "/things/a")
		if w.Code != tc.fault.Status || w.Header().Get("Content-Type") != tc.contentType ||
			!strings.Contains(w.Body.String(), tc.body) {
			t.Errorf("%+v: %d %v %s", tc.fault, w.Code, w.Header(), w.Body)
		}
		if strings.Contains(w.Body.String(), "done") || work.Load() != tc.work {
			t.Errorf("%+v: work %d, body %s", tc.fault, work.Load(), w.Body)
		}
	}
}

func TestFaultWithoutABody(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, work := counter(tenant)
	for _, fault := range []Fault{
		{Status: 200, Empty: true},
		{Status: 204, Empty: true},
		{Status: 200, Empty: true, WorkDone: true},
		{Status: 302, Location: "/login.html?error=private-link-validation-error:7"},
	} {
		work.Store(0)
		fault.Service = "workspace"
		tenant.Faults.Add(fault)
		w := ask(handler, "PUT", "/things/a")
		if w.Code != fault.Status || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "" ||
			w.Header().Get("Location") != fault.Location {
			t.Errorf("%+v: %d %v %s", fault, w.Code, w.Header(), w.Body)
		}
		if (work.Load() == 1) != fault.WorkDone {
			t.Errorf("%+v: work was done %d times", fault, work.Load())
		}
	}
}

func TestFaultWithAPageBelow400(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, _ := counter(tenant)
	tenant.Faults.Add(Fault{Service: "workspace", Status: 200, HTML: true, Message: "Sign in & go on"})
	if w := ask(handler, "PUT", "/things/a"); !strings.Contains(w.Body.String(), "<title>Sign in &amp; go on</title>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestFaultAltersTheAnswer checks that the service does its work and answers, while a fault changes the headers or the
// length of the answer.
func TestFaultAltersTheAnswer(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, work := counter(tenant)
	const date = "Mon, 02 Jan 2006 15:04:05 GMT"
	tenant.Faults.Add(Fault{Service: "workspace", Header: map[string]string{"Date": date}})
	tenant.Faults.Add(Fault{Service: "workspace", Truncate: true})
	tenant.Faults.Add(Fault{Service: "workspace", Status: 500, Header: map[string]string{"Date": date}})
	for i, want := range []struct {
		status     int
		body, date string
	}{{201, "done", date}, {201, "do", ""}, {500, `{"code":""}`, date}, {201, "done", ""}} {
		w := ask(handler, "PUT", "/things/a")
		if w.Code != want.status || w.Body.String() != want.body ||
			(w.Header().Get("Date") == date) != (want.date == date) {
			t.Errorf("request %d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
	if work.Load() != 3 {
		t.Errorf("work was done %d times, want 3", work.Load())
	}
}

func TestDroppedConnection(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, work := counter(tenant)
	server := httptest.NewServer(handler)
	defer server.Close()
	for _, tc := range []struct {
		drop string
		work int64
	}{{"before", 0}, {"after", 1}} {
		work.Store(0)
		tenant.Journal.Reset()
		tenant.Faults.Add(Fault{Service: "workspace", Drop: tc.drop})
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Post(server.URL+"/things/a", "text/plain", strings.NewReader("x"))
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("drop %s: answered %s", tc.drop, resp.Status)
		}
		if work.Load() != tc.work {
			t.Errorf("drop %s: work was done %d times", tc.drop, work.Load())
		}
		// The client may see the dropped connection before the journal has the entry.
		deadline := time.Now().Add(5 * time.Second)
		for len(tenant.Journal.Entries()) == 0 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		entries := tenant.Journal.Entries()
		if len(entries) != 1 || entries[0].Status != 0 || entries[0].Route != "/things/{name}" {
			t.Errorf("drop %s: journal %+v", tc.drop, entries)
		}
	}
}

func TestDelay(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	handler, work := counter(tenant)
	tenant.Faults.Add(Fault{Service: "workspace", Delay: 30 * time.Millisecond})
	start := time.Now()
	if w := ask(handler, "GET", "/things/a"); w.Code != http.StatusCreated || work.Load() != 1 ||
		time.Since(start) < 30*time.Millisecond {
		t.Errorf("%d after %s, work %d", w.Code, time.Since(start), work.Load())
	}

	// A delay ends as soon as the caller cancels the request.
	tenant.Faults.Add(Fault{Service: "workspace", Delay: time.Hour, Status: 500})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the request went on")
		}
	}()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/things/a", nil))
}

func TestEntraFaultSpeaksEntra(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	path := "/" + tenant.ID + "/oauth2/v2.0/token"
	for _, tc := range []struct {
		fault     Fault
		code      int
		errorName string
	}{
		{Fault{Status: 503}, 90033, "temporarily_unavailable"},
		{Fault{Status: 429, Code: "90055", Message: "Too many requests."}, 90055, "temporarily_unavailable"},
		{Fault{Status: 401, Code: "AADSTS7000215", Message: "Invalid client secret provided."}, 7000215, "invalid_client"},
		{Fault{Status: 400, Code: "interaction_required", Message: "Blocked."}, 90033, "interaction_required"},
	} {
		tc.fault.Service = "entra"
		tenant.Faults.Add(tc.fault)
		w := postForm(tenant.Entra(), path, nil, nil)
		checkComplaint(t, w.Code, w.Body.Bytes(), tc.fault.Status, tc.code, tc.errorName, tc.fault.Message)
	}
	if n := tenant.Journal.Count("entra", "POST", "/{tenant}/oauth2/v2.0/token"); n != 4 {
		t.Errorf("%d faults carry their route, want 4", n)
	}
}
