package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// TestEchoedSecretsAreHidden checks that no secret reaches a terminal or a log, nor anything that controls a terminal,
// when a server repeats in its answer what was sent to it.
func TestEchoedSecretsAreHidden(t *testing.T) {
	t.Parallel()
	const secret = "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJUZXN0RWNob2VkU2VjcmV0cyJ9.the-signature-of-TestEchoed"
	text := func(v any) string {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	type answer func(string) (status int, body string)
	var answers []answer
	for _, status := range []int{200, 302, 400, 401, 403, 404, 409, 413, 429, 500, 503} {
		answers = append(answers,
			func(r string) (int, string) { return status, text(map[string]string{"error_code": r, "message": r}) },
			func(r string) (int, string) {
				return status, text(map[string]string{"detail": r, "status": r, "scimType": r})
			},
			func(r string) (int, string) {
				return status, text(map[string]any{"error": map[string]string{"code": r, "message": r}})
			},
			func(r string) (int, string) { return status, "<html><title>" + r + "</title><pre>" + r + "</pre>" },
			func(r string) (int, string) { return status, "SOME_CODE: " + strings.ReplaceAll(r, "\n", " ") },
			func(r string) (int, string) { return status, r },
			func(r string) (int, string) {
				return status, text(map[string]any{"id": r, "token_value": r,
					"token_info": map[string]any{"token_id": r, r: 1}, "Resources": r})
			},
			func(r string) (int, string) { return status, text(r) },
			func(string) (int, string) { return status, "{" })
	}
	calls := map[string]func(context.Context, *Client) error{
		"GET":    func(ctx context.Context, c *Client) error { return call(ctx, c, "GET") },
		"POST":   func(ctx context.Context, c *Client) error { return call(ctx, c, "POST") },
		"list":   func(ctx context.Context, c *Client) error { _, err := c.ServicePrincipals(ctx, ""); return err },
		"Me":     func(ctx context.Context, c *Client) error { _, err := c.Me(ctx); return err },
		"tokens": func(ctx context.Context, c *Client) error { _, err := c.TokenByID(ctx, "x"); return err },
		"create": func(ctx context.Context, c *Client) error {
			_, _, err := c.CreateToken(ctx, "", time.Hour, nil)
			return err
		},
		"score": func(ctx context.Context, c *Client) error { _, _, err := c.Score(ctx, "e", `{"a":1}`); return err },
	}
	const resource = "/subscriptions/6a1f2b3c-1111-4222-8333-944455556666/resourceGroups/ml/providers/Microsoft.Databricks/workspaces/models"
	for name, use := range calls {
		for i, form := range answers {
			echo := echoes(func(r *http.Request) (*http.Response, error) {
				request := fmt.Sprintf("%s %s\x1b[2J\n%v\n", r.Method, r.URL, r.Header)
				status, body := form(request)
				header := http.Header{"X-Request-Id": {request}, "Location": {"https://elsewhere.example/" +
					url.PathEscape(request)}, "X-Databricks-Org-Id": {request}}
				return &http.Response{StatusCode: status, Status: "000 " + request, Header: header,
					Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})
			login, err := auth.Open(auth.Settings{Token: auth.Setting{Value: secret, Attribute: "token"}},
				auth.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"", resource} {
				c := newClientOver(t, echo, func(cfg *Config) {
					cfg.Login, cfg.RetryTimeout = login, 20*time.Millisecond
					if id != "" {
						cfg.Host, cfg.ResourceID = "", id
					}
				})
				var log bytes.Buffer
				err = use(WithoutRetry(tflogtest.RootLogger(t.Context(), &log)), c)
				said := fmt.Sprintf("%v %+v %s", err, err, log.String())
				for at := 0; at+12 <= len(secret); at++ {
					if strings.Contains(said, secret[at:at+12]) {
						t.Fatalf("%s, answer %d: %q of the token shows in\n%s", name, i, secret[at:at+12], said)
					}
				}
				if strings.Contains(said, "\x1b") {
					t.Fatalf("%s, answer %d: an escape sequence shows in\n%q", name, i, said)
				}
			}
		}
	}
}

type echoes func(*http.Request) (*http.Response, error)

func (f echoes) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
