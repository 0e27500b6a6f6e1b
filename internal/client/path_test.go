package client

import (
	"errors"
	"net/http"
	"testing"
)

// TestPathOf checks that a name or an id stays one segment of the path, and that a segment which is neither is never
// sent.
func TestPathOf(t *testing.T) {
	t.Parallel()
	for segment, want := range map[string]string{
		"iris": "/things/iris/x", "a b": "/things/a%20b/x", "a?b#c%2f": "/things/a%3Fb%23c%252f/x", "...": "/things/.../x", "ä": "/things/%C3%A4/x",
		"": "", ".": "", "..": "", "a/b": "", "../x": "", `..\x`: "", "a\nb": "", "a\x00": "", "\x1b[2J": "", "\u0085": "",
	} {
		path := PathOf("/things", segment, "x")
		sent := &fake{}
		err := newClientOver(t, sent, nil).Call(t.Context(), http.MethodGet, path, nil, nil, nil)
		if want == "" {
			if !errors.Is(err, errNoName) || sent.attempts() != 0 || path != "/things//x" {
				t.Errorf("%q: %s, %d requests, %v", segment, path, sent.attempts(), err)
			}
		} else if path != want || err != nil || sent.attempts() != 1 {
			t.Errorf("%q: %s, %d requests, %v", segment, path, sent.attempts(), err)
		}
	}
	for _, path := range []string{"/things/%2e%2e/x", "/things/a%2Fb", "/things/%0a", "/things/%zz", "/things/"} {
		err := newClientOver(t, &fake{}, nil).Call(t.Context(), http.MethodGet, path, nil, nil, nil)
		if !errors.Is(err, errNoName) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
