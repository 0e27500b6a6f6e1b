package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// Host returns the workspace's address. It is empty if the address must be looked up and this has not been done yet.
func (c *Client) Host() string {
	if c.cfg.Host != "" {
		return c.cfg.Host
	}
	return c.transport.host.Peek()
}

// FindHost returns the workspace's address. If only Azure Resource Manager knows the address, one request per run.
func (c *Client) FindHost(ctx context.Context) (string, error) {
	if c.cfg.Host != "" || c.transport.findHost == nil {
		return c.cfg.Host, nil
	}
	return c.transport.host.Get(ctx, AnyAge, c.transport.findHost)
}

// address sets the host of a request to that of the workspace.
func (t *transport) address(r *http.Request) error {
	if t.findHost == nil {
		return nil
	}
	host, err := t.host.Get(r.Context(), AnyAge, t.findHost)
	if err != nil {
		return err
	}
	u, err := url.Parse(host)
	if err != nil {
		return err
	}
	r.URL.Scheme, r.URL.Host = u.Scheme, u.Host
	return nil
}

// hostFinder returns a function that asks Azure Resource Manager for the workspace's address, or nil if the
// configuration has the address. The function sends one request, and repeats it after a server error or when it is
// throttled.
// https://learn.microsoft.com/rest/api/databricks/workspaces/get
func hostFinder(cfg Config) func(context.Context) (string, error) {
	if cfg.Host != "" || cfg.ResourceID == "" {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		for began, try := time.Now(), 1; ; try++ {
			host, pause, err := askForHost(ctx, cfg, try)
			if pause == 0 || !cfg.pause(ctx, began, pause) {
				return host, err
			}
		}
	}
}

// askForHost asks Azure Resource Manager once for the workspace's host. If pause is above 0, the caller asks again
// after it.
func askForHost(ctx context.Context, cfg Config, try int) (host string, pause time.Duration, err error) {
	token, err := strategy{cfg: cfg, own: true}.token(ctx, cfg.Login.ManagementScope())
	if err != nil {
		return "", 0, err
	}
	address := cfg.Login.ResourceManager + cfg.ResourceID + "?api-version=2018-04-01"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token.Value)
	resp, err := web.NewClient(cfg.Transport, cfg.AttemptTimeout).Do(req)
	if unusable, ok := errors.AsType[web.Unusable](err); ok {
		return "", 0, noHost(cfg, unusable.Error(), unusable.Cause())
	}
	if err != nil {
		return "", 0, noHost(cfg, cfg.Login.ResourceManager+" did not answer",
			"Check the network, HTTPS_PROXY and resource_manager_endpoint; TF_LOG=debug shows the cause.")
	}
	defer resp.Body.Close()
	var answer struct {
		ID         string `json:"id"`
		Properties struct {
			WorkspaceURL string `json:"workspaceUrl"`
		} `json:"properties"`
		Error struct{ Code, Message string } `json:"error"`
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError {
			pause = max(retryAfter(resp.Header), backoff(try))
		}
		words := fmt.Sprintf("%s answered %d: %s", cfg.Login.ResourceManager, resp.StatusCode,
			web.Text(answer.Error.Code+": "+answer.Error.Message, 1000))
		if resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized {
			words += "; the refused caller: " + callerOf(cfg.Login, req)
		}
		return "", pause, noHost(cfg, words, afterRefusal(answer.Error.Code))
	}
	host = strings.TrimSuffix(strings.TrimPrefix(answer.Properties.WorkspaceURL, "https://"), "/")
	var got string
	switch {
	case err != nil:
		got = "JSON of another form"
	case answer.ID == "":
		got = "JSON without an id"
	case !strings.EqualFold(answer.ID, cfg.ResourceID):
		got = "the resource " + web.Text(answer.ID, 300)
	case host == "":
		return "", 0, noHost(cfg, "Azure Resource Manager returned no workspaceUrl",
			"Azure may still be creating the workspace. Try again later, or set host in the provider block.")
	case !cfg.Login.IsWorkspaceHost(host):
		words := fmt.Sprintf("Azure Resource Manager returned the address %q for the workspace. That is not the "+
			"address of a workspace in the %s cloud (environment), so no token was sent to it",
			web.Text(host, 300), cfg.Login.Cloud)
		return "", 0, noHost(cfg, words, "Check environment and resource_manager_endpoint. If the address is right, "+
			"set it as host in the provider block.")
	}
	if got != "" {
		stranger := web.Mismatch(resp, got)
		return "", 0, noHost(cfg, stranger.Error(), stranger.Cause())
	}
	return "https://" + strings.ToLower(host), 0, nil
}

func noHost(cfg Config, words, next string) error {
	return &auth.Error{
		Summary: "Cannot find the workspace's address",
		Detail:  cfg.ResourceID + ": " + words + "\n\n" + next,
	}
}

// afterRefusal returns the user's next step after an error of Azure Resource Manager with that code.
func afterRefusal(code string) string {
	switch {
	case code == "AuthorizationFailed":
		return "To look up the workspace's address, the provider's identity needs the role Reader on the workspace's " +
			"Azure resource. Or set host in the provider block, which needs no Azure role."
	case strings.HasSuffix(code, "NotFound"):
		return "Check subscription, resource group and name in azure_workspace_resource_id, or set host in the " +
			"provider block."
	default:
		return "If host is set in the provider block, the provider does not look up the address."
	}
}
