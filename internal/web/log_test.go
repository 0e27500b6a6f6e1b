package web

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// received is a log writer whose records a test reads from the channel.
type received chan string

func (r received) Write(record []byte) (int, error) {
	r <- string(record)
	return len(record), nil
}

// TestBytesAfterAnAnswerAreLoggedWithoutSecrets has a server send the request's bearer token after its answer.
// net/http logs that, and the test checks that the log has no secret in it.
func TestBytesAfterAnAnswerAreLoggedWithoutSecrets(t *testing.T) {
	const bearer = "eyJhbGciOiJub25lIn0.behind-the-answer.signature"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + r.Header.Get("Authorization") +
			"\x1b[2J")
		_ = buffered.Flush()
	}))
	t.Cleanup(server.Close)
	records := make(received, 10)
	before := log.Writer()
	log.SetOutput(Log(records))
	t.Cleanup(func() { log.SetOutput(before) })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	answer, err := (&http.Client{Transport: Guard(NewTransport(nil), SmallAnswer)}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	select {
	case record := <-records:
		if !strings.Contains(record, "Unsolicited response") || strings.Contains(record, bearer) ||
			strings.Contains(record, "\x1b") {
			t.Error(record)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was logged")
	}
}
