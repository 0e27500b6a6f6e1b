package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRedirect checks that a redirect is a final error. Nothing is sent to its target, and the error names the request,
// the host that redirected it, and the target.
func TestRedirect(t *testing.T) {
	t.Parallel()
	reached := 0
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	t.Cleanup(target.Close)
	for name, tc := range map[string]struct {
		location string
		kind     error
		says     []string
		not      string
	}{
		"to another host":                 {target.URL + "/sign/in?state=secret", ErrRedirected, []string{target.URL + "/sign/in"}, "secret"},
		"to plain http":                   {"http://login.example.com/x", ErrRedirected, []string{"http://login.example.com/x"}, "?"},
		"to a user's password":            {"https://user:secret@login.example.com/", ErrRedirected, []string{"https://login.example.com/"}, "secret"},
		"to an address with a line break": {"/a%0A%1B[31mb", ErrRedirected, []string{"/a%0A%1B"}, "\x1b"},
		"to itself":                       {"/", ErrRedirected, []string{"/"}, "?"},
		"without a target":                {"", ErrRedirected, []string{"without a target"}, "?"},
		"private link":                    {"/login.html?error=private-link-validation-error:7405605519549535", ErrPrivateLink, []string{"/login.html", "private-link-validation-error", "7405605519549535"}, "?"},
		"private link without id":         {"/login.html?error=private-link-validation-error", ErrPrivateLink, []string{"/login.html", "private-link-validation-error"}, "?"},
		"private link, odd id":            {"/login.html?error=private-link-validation-error:a%0Ab", ErrPrivateLink, []string{"/login.html", "private-link-validation-error"}, "\n"},
		"login":                           {"/login.html?error=invalid_grant", ErrRedirected, []string{"/login.html"}, "private"},
	} {
		for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				calls := 0
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					calls++
					if tc.location != "" {
						w.Header().Set("Location", tc.location)
					}
					w.Header().Set("X-Request-Id", "req-1")
					w.WriteHeader(status)
				}))
				err := call(t.Context(), newClientOver(t, http.DefaultTransport, func(cfg *Config) {
					cfg.Host = server.URL
				}), method)
				server.Close()
				var e *Error
				if !errors.As(err, &e) || !errors.Is(err, tc.kind) || errors.Is(err, ErrAnswerLost) || calls != 1 ||
					e.Status != status || e.RequestID != "req-1" {
					t.Errorf("%s, %d to %s: %d calls, %v", name, status, method, calls, err)
					continue
				}
				for _, words := range append(tc.says, method+" /api/2.0/things",
					strings.TrimPrefix(server.URL, "http://")) {
					if !strings.Contains(e.Error(), words) {
						t.Errorf("%s, %d: it does not say %q: %s", name, status, words, e)
					}
				}
				if strings.Contains(e.Error(), tc.not) {
					t.Errorf("%s, %d: it says %q: %s", name, status, tc.not, e)
				}
			}
		}
	}
	if reached != 0 {
		t.Errorf("%d requests followed", reached)
	}
}

// TestAnswersAreBounded checks that an endless answer is cut short at a limit, and that the call is not sent again.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		chunk := []byte(strings.Repeat(`{"a":`, 10_000))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	c := newClientOver(t, http.DefaultTransport, func(cfg *Config) { cfg.Host = server.URL })
	for n, method := range []string{"GET", "POST", "DELETE"} {
		err := call(t.Context(), c, method)
		if !errors.Is(err, ErrNotAnAnswer) || errors.Is(err, ErrAnswerLost) != (method != "GET") || calls != n+1 ||
			!strings.Contains(err.Error(), "more than 24 MiB") {
			t.Errorf("%s, %d calls: %v", method, calls, err)
		}
	}
}
