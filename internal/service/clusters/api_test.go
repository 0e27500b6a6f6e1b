package clusters

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// pages is a workspace that lists clusters. Each page holds as many clusters as a page can have, or none if empty is
// true, and every page but the last one names a next page.
type pages struct {
	empty      bool
	sent, last int
}

func (p *pages) RoundTrip(r *http.Request) (*http.Response, error) {
	p.sent++
	var body strings.Builder
	body.WriteString(`{"clusters":[`)
	for i := 0; !p.empty && i < pageSize; i++ {
		fmt.Fprintf(&body, `%s{"cluster_id":"%d-%d"}`, strings.Repeat(",", min(i, 1)), p.sent, i)
	}
	body.WriteString("]")
	if p.sent < p.last {
		fmt.Fprintf(&body, `,"next_page_token":"after %d"`, p.sent)
	}
	body.WriteString("}")
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}, "X-Databricks-Org-Id": {"1"}},
		Body:       io.NopCloser(strings.NewReader(body.String())), Request: r,
	}, nil
}

// TestListEnds checks that a list of more clusters or pages than any workspace has ends with an error, because a list
// that never ends would fill the memory.
func TestListEnds(t *testing.T) {
	t.Parallel()
	login, err := auth.Open(auth.Settings{Token: auth.Setting{Value: "dapi", Attribute: "token"}}, auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		pages
		sent int
	}{
		"full pages":  {pages{last: 302}, 301},
		"empty pages": {pages{last: 30_002, empty: true}, 30_001},
	} {
		workspace := &tc.pages
		c, err := client.New(client.Config{
			Host: "https://adb-1.2.azuredatabricks.net", Login: login, Transport: workspace, RetryTimeout: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := listClusters(t.Context(), c)
		if !errors.Is(err, client.ErrNotAnAnswer) || workspace.sent != tc.sent {
			t.Errorf("%s: %d clusters after %d pages, want an error after %d: %v",
				name, len(found), workspace.sent, tc.sent, err)
		}
	}
}
