package client

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripted is a transport that answers by path with a status, the header that names the workspace, and a body.
type scripted struct {
	mu      sync.Mutex
	answers map[string]scriptedAnswer
	asked   []string
	tokens  []string // Authorization header of each request
}

type scriptedAnswer struct {
	status int
	id     string
	body   string
}

const (
	mePath     = scimRoot + "Me"
	configPath = "/.well-known/databricks-config"
)

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Path)
	s.tokens = append(s.tokens, r.Header.Get("Authorization"))
	a, ok := s.answers[r.URL.Path]
	if !ok {
		a = scriptedAnswer{status: 404, body: `{"error_code":"ENDPOINT_NOT_FOUND","message":"no"}`}
	}
	if a.status == 0 {
		return nil, reset
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if a.id != "" {
		h.Set("X-Databricks-Org-Id", a.id)
	}
	if a.body == "" {
		a.body = "{}"
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)),
		Request: r}, nil
}

// TestWorkspaceIDIsFound checks where the workspace's id is found, in the order of the search, and how many further
// requests the search takes. The id does not depend on which answer comes first.
func TestWorkspaceIDIsFound(t *testing.T) {
	t.Parallel()
	const things = "/api/2.0/things"
	const adb, vanity = "https://adb-42.7.azuredatabricks.net", "https://models.example.com"
	plain := scriptedAnswer{status: 200}
	for name, tc := range map[string]struct {
		host, given string
		answers     map[string]scriptedAnswer
		want        string
		requests    int
	}{
		"on every answer":                    {vanity, "", map[string]scriptedAnswer{things: {200, "7", ""}}, "7", 1},
		"before all else":                    {adb, "", map[string]scriptedAnswer{things: {200, "7", ""}}, "7", 1},
		"on a refusal":                       {vanity, "", map[string]scriptedAnswer{things: {403, "7", `{"error_code":"PERMISSION_DENIED","message":"no"}`}}, "7", 1},
		"on Me alone":                        {vanity, "", map[string]scriptedAnswer{things: plain, mePath: {200, "7", ""}}, "7", 2},
		"on Me, before the host":             {adb, "", map[string]scriptedAnswer{things: plain, mePath: {200, "7", ""}}, "7", 2},
		"in the host":                        {adb, "", map[string]scriptedAnswer{things: plain, mePath: plain}, "42", 2},
		"in the host, Me refused":            {adb, "", map[string]scriptedAnswer{things: plain, mePath: {403, "", ""}}, "42", 2},
		"in the host, Me unanswered":         {adb, "", map[string]scriptedAnswer{things: plain, mePath: {}}, "42", 2},
		"in the host's configuration":        {vanity, "", map[string]scriptedAnswer{things: plain, mePath: plain, configPath: {200, "", `{"workspace_id":"7"}`}}, "7", 3},
		"in it as a number":                  {vanity, "", map[string]scriptedAnswer{things: plain, mePath: plain, configPath: {200, "", `{"workspace_id":7405605519549535}`}}, "7405605519549535", 3},
		"nowhere":                            {vanity, "", map[string]scriptedAnswer{things: plain, mePath: plain}, "", 3},
		"nowhere but in the provider block":  {vanity, "7", map[string]scriptedAnswer{things: plain, mePath: plain}, "7", 3},
		"a page for the configuration":       {vanity, "", map[string]scriptedAnswer{things: plain, mePath: plain, configPath: {200, "", "<html>7</html>"}}, "", 3},
		"no id in the header":                {vanity, "", map[string]scriptedAnswer{things: {200, "0", ""}, mePath: {200, "x", ""}, configPath: {200, "", `{"workspace_id":"7"}`}}, "7", 3},
		"refusal without the header":         {adb, "", map[string]scriptedAnswer{things: {403, "", `{"error_code":"PERMISSION_DENIED","message":"no"}`}}, "", 1},
		"a name that only looks like an adb": {"https://adb-42x.example.com", "", map[string]scriptedAnswer{things: plain, mePath: plain}, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{answers: tc.answers}
			c := newClientOver(t, s, func(cfg *Config) { cfg.Host, cfg.WorkspaceID = tc.host, tc.given })
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					// Each caller that has an answer also has the id.
					if _ = call(t.Context(), c, "GET"); c.WorkspaceID() != tc.want {
						t.Errorf("workspace id %q, not %q", c.WorkspaceID(), tc.want)
					}
				})
			}
			all.Wait()
			if n := len(s.asked); n != tc.requests+9 {
				t.Errorf("%d requests beside the callers' own, not %d: %v", n-10, tc.requests-1, s.asked)
			}
			for i, path := range s.asked {
				if (s.tokens[i] != "") != (path != configPath) {
					t.Errorf("%s was asked with the credential %q", path, s.tokens[i])
				}
			}
		})
	}
}

// TestWorkspaceIDIsAskedAgain checks that a search for the id that failed temporarily is repeated at the next answer.
func TestWorkspaceIDIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := &scripted{answers: map[string]scriptedAnswer{"/api/2.0/things": {200, "", ""}, mePath: {503, "", ""}}}
	c := newClientOver(t, s, func(cfg *Config) { cfg.Host = "https://models.example.com" })
	if err := call(t.Context(), c, "GET"); err != nil || c.WorkspaceID() != "" {
		t.Errorf("%v, workspace id %q", err, c.WorkspaceID())
	}
	s.answers[mePath] = scriptedAnswer{200, "7", ""}
	if err := call(t.Context(), c, "GET"); err != nil || c.WorkspaceID() != "7" {
		t.Errorf("%v, workspace id %q", err, c.WorkspaceID())
	}
}

// TestAnswerOfAnotherWorkspace checks that an answer is an error if it comes from another workspace than the one in the
// provider block, or than the one that answered before. A POST may have done its work in that workspace.
func TestAnswerOfAnotherWorkspace(t *testing.T) {
	t.Parallel()
	answers := map[string]scriptedAnswer{"/api/2.0/things": {200, "7", ""}}
	for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
		c := newClientOver(t, &scripted{answers: answers}, func(cfg *Config) { cfg.WorkspaceID = "8" })
		err := call(t.Context(), c, method)
		if !errors.Is(err, ErrWrongWorkspace) || errors.Is(err, ErrAnswerLost) != (method == "POST") ||
			c.WorkspaceID() != "" {
			t.Errorf("%s: %v, workspace id %q", method, err, c.WorkspaceID())
		}
		for _, words := range []string{method + " /api/2.0/things", "adb-42.test is workspace 7", "workspace_id is 8"} {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("it does not say %q: %v", words, err)
			}
		}
	}
	// An id that only the answer about the current user shows is compared as well.
	c := newClientOver(t, &scripted{answers: map[string]scriptedAnswer{"/api/2.0/things": {200, "", ""},
		mePath: {200, "7", ""}}}, func(cfg *Config) {
		cfg.WorkspaceID = "8"
	})
	if err := call(t.Context(), c, "GET"); !errors.Is(err, ErrWrongWorkspace) {
		t.Errorf("%v", err)
	}

	s := &scripted{answers: map[string]scriptedAnswer{"/api/2.0/things": {200, "7", ""}}}
	c = newClientOver(t, s, nil)
	if err := call(t.Context(), c, "GET"); err != nil {
		t.Fatal(err)
	}
	s.answers["/api/2.0/things"] = scriptedAnswer{200, "9", ""}
	if err := call(t.Context(), c, "GET"); !errors.Is(err, ErrWrongWorkspace) ||
		!strings.Contains(err.Error(), "workspace 9") || !strings.Contains(err.Error(), "workspace 7") ||
		c.WorkspaceID() != "7" {
		t.Errorf("%v, workspace id %q", err, c.WorkspaceID())
	}
}

// TestCheckWorkspaceWithoutID checks that CheckWorkspace fails if the workspace does not show its id and the
// provider block does not name it.
func TestCheckWorkspaceWithoutID(t *testing.T) {
	t.Parallel()
	s := &scripted{answers: map[string]scriptedAnswer{mePath: {200, "", `{"id":"1","userName":"x"}`}}}
	c := newClientOver(t, s, func(cfg *Config) {
		cfg.Host, cfg.RetryTimeout = "https://models.example.com", time.Second
	})
	var wrong *WrongWorkspaceError
	if err := c.CheckWorkspace(t.Context(), "7"); err == nil || errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
	c = newClientOver(t, s, func(cfg *Config) { cfg.Host, cfg.WorkspaceID = "https://models.example.com", "7" })
	if err := c.CheckWorkspace(t.Context(), "7"); err != nil {
		t.Errorf("%v", err)
	}
}
