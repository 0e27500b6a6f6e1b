package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// orgIDHeader is the header that names the workspace which answers. The answer about the current user is known to have
// it. It is not known which other answers have it.
const orgIDHeader = "X-Databricks-Org-Id"

// WorkspaceID returns the id of the workspace. It is empty before the first usable answer, and if the workspace shows
// the id nowhere. The id comes from the header of the answers, else from the header of the answer about the current
// user, else from the host's name, else from the host's public configuration, else from the provider block.
func (c *Client) WorkspaceID() string {
	id, _ := c.transport.workspaceID.Load().(string)
	return id
}

// identify finds out which workspace has answered. It returns an error if that is not the workspace of the provider
// block, or not the workspace of the answers before. If the first answer does not show its workspace, identify finds
// the id by other requests, once, before it returns. So the id never depends on which answer comes first.
func (t *transport) identify(resp *http.Response) error {
	id := workspaceIDOf(resp.Header.Get(orgIDHeader))
	if id == "" {
		if t.workspaceID.Load() != nil || resp.StatusCode >= http.StatusMultipleChoices {
			return nil
		}
		// If this fails, the answer itself is still usable. Code that needs the id sees that there is none.
		id, _ = t.foundID.Get(resp.Request.Context(), AnyAge, func(ctx context.Context) (string, error) {
			return t.findID(ctx, resp.Request)
		})
		if id == "" {
			return nil
		}
	}
	known, source := t.wantID, "workspace_id is "+t.wantID
	if known == "" && !t.workspaceID.CompareAndSwap(nil, id) {
		known, _ = t.workspaceID.Load().(string)
		source = "it was workspace " + known + " before"
	}
	if known != "" && known != id {
		message := fmt.Sprintf("%s is workspace %s, and %s", resp.Request.URL.Host, id, source)
		return newError(resp.Request.Context(), ErrWrongWorkspace, resp, message)
	}
	t.workspaceID.CompareAndSwap(nil, id)
	return nil
}

var errNoWorkspaceID = errors.New("the workspace does not show its id")

// findID requests the id of the workspace if the answer to r does not show it. At most two requests. If one of them
// failed temporarily, it returns an error, and is called again at a later answer. If the workspace shows its id
// nowhere, findID returns the id in the provider block, which may be empty.
func (t *transport) findID(ctx context.Context, r *http.Request) (string, error) {
	failed := false
	ask := func(ctx context.Context, path string, headers http.Header) (header http.Header, body []byte) {
		u := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: path}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, nil
		}
		req.Header = headers
		resp, err := t.send(req)
		if err != nil {
			failed = true
			return nil, nil
		}
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode == http.StatusTooManyRequests ||
			resp.StatusCode >= http.StatusInternalServerError {
			failed = true
			return nil, nil
		}
		if resp.StatusCode != http.StatusOK {
			body = nil
		}
		return resp.Header, body
	}
	if path := scimRoot + "Me"; r.URL.Path != path {
		headers := r.Header.Clone() // with the caller's login
		headers.Del("Content-Type")
		header, _ := ask(ctx, path, headers)
		if id := workspaceIDOf(header.Get(orgIDHeader)); id != "" {
			return id, nil
		}
	}
	if id := WorkspaceOfHost(r.URL.Hostname()); id != "" {
		return id, nil
	}
	// This is the host's metadata, which Databricks' own SDKs read, too. It is public, so the request has no
	// credential.
	anonymous := context.WithValue(ctx, callerKey{}, nil)
	headers := http.Header{"Accept": {"application/json"}, "User-Agent": r.Header.Values("User-Agent")}
	var answer struct {
		WorkspaceID json.RawMessage `json:"workspace_id"` // a string; a number is accepted, too
	}
	if _, body := ask(anonymous, "/.well-known/databricks-config", headers); json.Unmarshal(body, &answer) == nil {
		if id := workspaceIDOf(strings.Trim(string(answer.WorkspaceID), `"`)); id != "" {
			return id, nil
		}
	}
	if failed {
		return "", errNoWorkspaceID
	}
	return t.wantID, nil
}

var workspaceHost = sync.OnceValue(
	func() *regexp.Regexp { return regexp.MustCompile(`(?i)^adb-([1-9][0-9]*)\.[0-9]+\.`) },
)

// WorkspaceOfHost returns the workspace's id in a host name of the form that Azure assigns, and an empty string for any
// other name.
func WorkspaceOfHost(name string) string {
	if found := workspaceHost().FindStringSubmatch(name); found != nil {
		return found[1]
	}
	return ""
}

// workspaceIDOf returns s if s is the id of a workspace, else an empty string. The service writes 0 for no workspace.
func workspaceIDOf(s string) string {
	if strings.Trim(s, "0123456789") != "" || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// WrongWorkspaceError is the error for an object in the state that belongs to another workspace than the one that the
// provider calls.
type WrongWorkspaceError struct{ Stored, Actual, Host string }

func (e *WrongWorkspaceError) Error() string {
	return fmt.Sprintf("it was created in workspace %s, but %s is workspace %s", e.Stored, e.Host, e.Actual)
}

// CheckWorkspace returns an error if the workspace in which an object was created is not the one that the provider
// calls. stored is the id of the former workspace, as the state has it. If no answer has shown the workspace yet, one
// request, shared by all callers. Call CheckWorkspace before a write, and before an object that was not found counts as
// deleted. Otherwise every object would seem to be deleted if the host belonged to another workspace.
func (c *Client) CheckWorkspace(ctx context.Context, stored string) error {
	if stored == "" {
		return nil
	}
	if c.WorkspaceID() == "" {
		if _, err := c.self.Get(ctx, AnyAge, c.Me); err != nil {
			return err
		}
	}
	switch actual := c.WorkspaceID(); actual {
	case stored:
		return nil
	case "":
		return Advise(
			fmt.Errorf("it was created in workspace %s, but %s does not show which workspace it is", stored, c.Host()),
			"", "Without the id of the workspace, the provider cannot find out whether the object was deleted or is "+
				"in another workspace. Try again later, or set workspace_id in the provider block.")
	default:
		return &WrongWorkspaceError{Stored: stored, Actual: actual, Host: c.Host()}
	}
}
