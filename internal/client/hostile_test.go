package client

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// object is an answer that must name the object 7.
type object struct {
	ID      string `json:"id"`
	Expires int64  `json:"expires"`
}

func (o *object) Lacks(bool) string { return CheckName("id", o.ID, "7") }

// raw returns a handler that sends these bytes unchanged and closes the connection.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = buffered.WriteString(text)
		_ = buffered.Flush()
	}
}

// halfCloses returns a handler that sends these bytes and closes its half of the connection, but goes on reading.
func halfCloses(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = buffered.WriteString(text)
		_ = buffered.Flush()
		_ = conn.(*tls.Conn).CloseWrite()
		go func() {
			_, _ = io.Copy(io.Discard, conn) // reads until the client gives up
			_ = conn.Close()
		}()
	}
}

// sendGoAway ends the HTTP/2 connection during a request: it shuts the server down, which sends GOAWAY.
func sendGoAway(_ http.ResponseWriter, r *http.Request) {
	server := r.Context().Value(http.ServerContextKey).(*http.Server)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		_ = server.Shutdown(ctx) // sends GOAWAY, and waits for this request
		_ = server.Close()
	}()
	<-r.Context().Done()
}

func sends(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// TestHostileAnswers checks that whatever a server sends leads to an answer or an error within seconds and with little
// memory. The error describes what came, and has no control character for a terminal in it.
func TestHostileAnswers(t *testing.T) {
	const head, whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", `{"id":"7"}`
	const deep = 1_000_000
	for name, tc := range map[string]struct {
		send     http.HandlerFunc
		says     string // text of the error; empty if there is an answer
		http2    bool
		patience time.Duration // time limit with a single attempt; 0 means a minute
	}{
		"early hints": {send: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</x>; rel=preload")
			for range 4 {
				w.WriteHeader(http.StatusEarlyHints)
			}
			sends(whole)(w, r)
		}},
		"early hints for ever": {send: func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				w.WriteHeader(http.StatusEarlyHints)
			}
		}, says: "answer"},
		"a key twice, the last for another": {send: sends(`{"id":"7","id":"8"}`), says: "the id in the answer is 8"},
		"a key twice":                       {send: sends(`{"id":"8","id":"7"}`)},
		"a list for a name":                 {send: sends(`{"id":["7"]}`), says: "JSON of another form"},
		"an object for a number":            {send: sends(`{"id":"7","expires":{}}`), says: "JSON of another form"},
		"a huge time":                       {send: sends(`{"id":"7","expires":1e400}`), says: "JSON of another form"},
		"a time beyond 64 bits":             {send: sends(`{"id":"7","expires":99999999999999999999}`), says: "JSON of another form"},
		"a negative time":                   {send: sends(`{"id":"7","expires":-9223372036854775808}`)},
		"a name that steps up":              {send: sends(`{"id":"../../7"}`), says: "the id in the answer is ../../7"},
		"a name with a newline":             {send: sends(`{"id":"7\nError: forged"}`), says: "the id in the answer is 7 Error: forged"},
		"a name with escape sequences":      {send: sends(`{"id":"\u001b[2J\u001b]0;x\u0007\u202e"}`), says: `the id in the answer is \x1b[2J`},
		"too short for its length":          {send: raw(head + "Content-Length: 100\r\n\r\n" + whole), says: "answer"},
		"too long for its length":           {send: raw(head + "Content-Length: 10\r\n\r\n" + whole + strings.Repeat("x", 1000))},
		"cut off by its length":             {send: raw(head + "Content-Length: 5\r\n\r\n" + whole), says: "damaged or cut off"},
		"two lengths":                       {send: raw(head + "Content-Length: 10\r\nContent-Length: 5\r\n\r\n" + whole), says: "answer"},
		"a negative length":                 {send: raw(head + "Content-Length: -1\r\n\r\n" + whole), says: "answer"},
		"a broken chunk":                    {send: raw(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + whole), says: "answer"},
		"closed at once":                    {send: raw(""), says: "answer"},
		"half a header":                     {send: raw("HTTP/1.1 200 O"), says: "answer"},
		"not HTTP":                          {send: raw("220 mail.example.com ESMTP\r\n"), says: "answer"},
		"HTTP/2 stream reset":               {http2: true, send: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, says: "answer"},
		"HTTP/2 that goes away": {http2: true, send: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close") // sent as GOAWAY in HTTP/2
			sends(whole)(w, r)
		}},
		"HTTP/2 that goes away before the answer": {http2: true, send: sendGoAway, says: "answer"},
		"half-closed before the answer":           {send: halfCloses(""), says: "answer"},
		"half-closed in the answer":               {send: halfCloses(head + "Content-Length: 10\r\n\r\n" + whole[:4]), says: "answer"},
		"a body without end": {send: func(w http.ResponseWriter, _ *http.Request) {
			block := []byte(strings.Repeat(" ", 1<<20))
			for range 80 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, says: "more than 24 MiB"},
		"a body that drips": {send: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, patience: 100 * time.Millisecond, says: "answer"},
		"a gzip bomb": {send: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			block := make([]byte, 1<<20)
			for range 80 {
				if _, err := z.Write(block); err != nil {
					return
				}
			}
		}, says: "more than 24 MiB"},
		"deep JSON":            {send: sends(`{"id":"7","x":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + "}"), says: "damaged or cut off"},
		"a header without end": {send: raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20)), says: "answer"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(tc.send)
			server.Config.ErrorLog, server.EnableHTTP2 = silentLog(), tc.http2
			server.StartTLS()
			t.Cleanup(server.Close)
			c := newClientOver(t, server.Client().Transport, func(cfg *Config) {
				cfg.Host = server.URL
				if tc.patience > 0 {
					cfg.AttemptTimeout = tc.patience
				}
			})
			heap, began := heapOfSystem(), time.Now()
			err := c.Call(t.Context(), http.MethodPost, "/api/2.0/things", nil, map[string]string{}, &object{})
			took, grown := time.Since(began), max(0, heapOfSystem()-heap)
			t.Logf("%s, %d MB: %v", took.Round(time.Millisecond), grown>>20, err)
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v, want %q", err, tc.says)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\x07\u202e") {
				t.Errorf("it writes to the terminal: %q", err)
			}
			if took > 5*time.Second || grown > 300<<20 {
				t.Errorf("it took %s and %d MB", took, grown>>20)
			}
		})
	}
}

// heapOfSystem returns how many bytes the heap has obtained from the operating system.
func heapOfSystem() int64 {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return int64(now.HeapSys)
}

// TestHostileCertificates checks that a certificate which does not prove the server's name ends the call before
// anything is sent.
func TestHostileCertificates(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	server.Config.ErrorLog = silentLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	trusting := server.Client().Transport.(*http.Transport)
	late := trusting.Clone()
	late.TLSClientConfig.Time = func() time.Time { return time.Now().AddDate(200, 0, 0) }
	for name, tc := range map[string]struct {
		transport http.RoundTripper
		host      string
	}{
		"self-signed":    {web.NewTransport(nil), server.URL},
		"expired":        {late, server.URL},
		"another's name": {trusting, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)},
	} {
		err := call(t.Context(), newClientOver(t, tc.transport, func(cfg *Config) {
			cfg.Host = tc.host
		}), http.MethodPost)
		e, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrAnswerLost) || asked > 0 {
			t.Errorf("%s: %d requests, %v", name, asked, err)
			continue
		}
		t.Logf("%s: %s", name, e.Message)
	}
}
