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

// orgIDHeader names the workspace that answers. It is recorded on the current user; which other answers carry it is
// not.
const orgIDHeader = "X-Databricks-Org-Id"

// WorkspaceID is the id of the workspace. It is known after the first usable answer; empty before, and where the
// workspace shows it nowhere. It comes from the header of the answers, else from that of the current user, else from
// the host's name, else from the host's public configuration, else from the provider block.
func (c *Client) WorkspaceID() string {
	id, _ := c.transport.workspaceID.Load().(string)
	return id
}

// identify finds out which workspace has answered. It refuses the answer if that is not the workspace of the provider
// block and of the answers before. If the first answer does not show the workspace, other requests find it, once,
// before the answer is returned: so the id never depends on which answer comes first.
func (t *transport) identify(resp *http.Response) error {
	id := workspaceIDOf(resp.Header.Get(orgIDHeader))
	if id == "" {
		if t.workspaceID.Load() != nil || resp.StatusCode >= http.StatusMultipleChoices {
			return nil
		}
		// Where this fails, the answer itself is still usable; code that needs the id sees that there is none.
		id, _ = t.foundID.Get(
			resp.Request.Context(),
			AnyAge,
			func(ctx context.Context) (string, error) { return t.findID(ctx, resp.Request) },
		)
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
		r := resp.Request
		return &Error{
			Kind:      ErrWrongWorkspace,
			Method:    r.Method,
			Path:      r.URL.Path,
			Status:    resp.StatusCode,
			RequestID: clean(resp.Header.Get("X-Request-Id")),
			Message: fmt.Sprintf(
				"%s is workspace %s, and %s",
				r.URL.Host,
				id,
				source,
			), idempotent: isIdempotent(r.Context(), r.Method),
		}
	}
	t.workspaceID.CompareAndSwap(nil, id)
	return nil
}

var errNoWorkspaceID = errors.New("the workspace does not say which one it is")

// findID asks for the id that an answer to r does not carry: at most two requests. It is an error, and asked again,
// where one of them failed for the moment; empty where the workspace shows its id nowhere.
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
		headers := r.Header.Clone() // the caller's login
		headers.Del("Content-Type")
		header, _ := ask(ctx, path, headers)
		if id := workspaceIDOf(header.Get(orgIDHeader)); id != "" {
			return id, nil
		}
	}
	if id := WorkspaceOfHost(r.URL.Hostname()); id != "" {
		return id, nil
	}
	// The host's metadata, as Databricks' own SDKs read it. It is public, so it gets no credential.
	anonymous := context.WithValue(ctx, callerKey{}, nil)
	headers := http.Header{"Accept": {"application/json"}, "User-Agent": r.Header.Values("User-Agent")}
	var answer struct {
		WorkspaceID json.RawMessage `json:"workspace_id"` // a string; a number is taken, too
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

// WorkspaceOfHost is the workspace's id in a host name of the form that Azure assigns; empty for another name.
func WorkspaceOfHost(name string) string {
	if found := workspaceHost().FindStringSubmatch(name); found != nil {
		return found[1]
	}
	return ""
}

// workspaceIDOf is s if it is a workspace's id, else empty; 0 stands for none.
func workspaceIDOf(s string) string {
	if strings.Trim(s, "0123456789") != "" || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// WrongWorkspaceError is the error for an object in state that belongs to another workspace than the one that the
// provider calls.
type WrongWorkspaceError struct{ Stored, Actual, Host string }

func (e *WrongWorkspaceError) Error() string {
	return fmt.Sprintf("it was created in workspace %s, and %s is workspace %s", e.Stored, e.Host, e.Actual)
}

// CheckWorkspace compares the workspace of an object with the one behind the host. When nothing has been asked
// yet, one call finds out, and everybody shares it. It must come before a write and before "not found" is believed:
// otherwise a host that points elsewhere reads as "everything is gone".
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
			fmt.Errorf("it was created in workspace %s, and %s does not show which workspace it is", stored, c.Host()),
			"",
			"Without that it cannot be known whether the object is gone or lives in another workspace. Try again "+
				"later, or write workspace_id in the provider block.",
		)
	default:
		return &WrongWorkspaceError{Stored: stored, Actual: actual, Host: c.Host()}
	}
}
