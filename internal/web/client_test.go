package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func get(client *http.Client, address string) ([]byte, error) {
	response, err := client.Get(address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return io.ReadAll(response.Body)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for status, location := range map[int]string{
		300: "", 301: "https://elsewhere.example/x?token=1", 302: "/login.html", 303: "http://elsewhere.example", 307: "//elsewhere.example:8443/y", 308: "https://127.0.0.1/",
	} {
		asked := 0
		address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked++; location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(status)
		})
		for _, client := range []*http.Client{NewClient(nil, time.Second),
			{Transport: Guard(NewTransport(nil), LargeAnswer)}} {
			asked = 0
			_, err := get(client, address+"/start")
			e, redirected := errors.AsType[*Redirected](err)
			if !redirected || asked != 1 || e.Status != status || e.Method != "GET" || e.Path != "/start" ||
				(e.Target == nil) != (location == "") || strings.Contains(e.Error(), "token") {
				t.Errorf("%d: %d requests, %v", status, asked, err)
			}
		}
	}
}

func TestPlainHTTPIsNotSent(t *testing.T) {
	t.Parallel()
	address := "http://192.0.2.1:9/x"
	_, err := get(NewClient(nil, time.Second), address)
	if _, ok := errors.AsType[*NotSecure](err); !ok || !strings.Contains(err.Error(), "GET /x at 192.0.2.1:9") {
		t.Errorf("%v", err)
	}
	sent := false
	client := NewClient(roundTrip(func(*http.Request) (*http.Response, error) {
		sent = true
		return nil, io.EOF
	}), time.Second)
	r, err := http.NewRequestWithContext(AllowPlain(t.Context()), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(r); err == nil || !sent {
		t.Errorf("%t, %v", sent, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestBodiesAreBounded checks that neither an endless answer nor a small one that decompresses to a large one is read
// beyond the limit.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte(`{"a":1,`), 1000)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	bomb := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		zeros := make([]byte, 1<<20)
		for range LargeAnswer>>20 + 1 {
			if _, err := z.Write(zeros); err != nil {
				return
			}
		}
		_ = z.Close()
	})
	for name, address := range map[string]string{"endless": endless, "bomb": bomb} {
		for limit, client := range map[string]*http.Client{"1 MiB": NewClient(nil, time.Minute),
			"24 MiB": {Transport: Guard(NewTransport(nil), LargeAnswer)}} {
			body, err := get(client, address)
			if e, ok := errors.AsType[*NoAnswer](err); !ok || !strings.Contains(e.Got, limit) ||
				len(body) > LargeAnswer {
				t.Errorf("%s: %d bytes, %v", name, len(body), err)
			}
		}
	}
}

func TestBodyOfExactlyTheLimit(t *testing.T) {
	t.Parallel()
	text := `{"a":"` + strings.Repeat("x", SmallAnswer-8) + `"}`
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	if body, err := get(NewClient(nil, time.Minute), address); err != nil || string(body) != text {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	text += " "
	if _, err := get(NewClient(nil, time.Minute), address); err == nil {
		t.Error("one byte more was read")
	}
}

// TestOnlySuccessMustBeAnObject checks that an answer with a status of error may have any form, so that the caller can
// read its words.
func TestOnlySuccessMustBeAnObject(t *testing.T) {
	t.Parallel()
	status, text := 0, "<title>Sign in</title>"
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	})
	for _, status = range []int{400, 401, 404, 500} {
		if body, err := get(NewClient(nil, time.Minute), address); err != nil || string(body) != text {
			t.Errorf("%d: %s, %v", status, body, err)
		}
	}
	for _, status = range []int{200, 201, 202} {
		_, err := get(NewClient(nil, time.Minute), address)
		if e, ok := errors.AsType[*NoAnswer](err); !ok || !strings.Contains(e.Error(), "Sign in") {
			t.Errorf("%d: %v", status, err)
		}
	}
}
