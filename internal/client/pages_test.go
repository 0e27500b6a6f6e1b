package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestPagesEnd checks that a list ends where the service says so. A list that ends earlier, or repeats its pages, is an
// error and not a shorter list.
func TestPagesEnd(t *testing.T) {
	t.Parallel()
	list := func(total int, ids ...string) string {
		resources := []map[string]string{}
		for _, id := range ids {
			resources = append(resources, map[string]string{"id": id})
		}
		body, err := json.Marshal(map[string]any{"totalResults": total, "Resources": resources})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for name, tc := range map[string]struct {
		page     func(n int) string
		found    int // -1 means an error
		requests int
	}{
		"two pages":                         {func(n int) string { return []string{list(3, "1", "2"), list(3, "3")}[n] }, 3, 2},
		"one object moved to the next page": {func(n int) string { return []string{list(4, "1", "2"), list(4, "2", "3")}[n] }, 3, 2},
		"A, B, A, B":                        {func(n int) string { return list(1000, []string{"1", "2"}[n%2], []string{"3", "4"}[n%2]) }, -1, 3},
		"A, A":                              {func(int) string { return list(1000, "1") }, -1, 2},
		"fresh ids for ever":                {func(n int) string { return list(5, fmt.Sprint("id-", n)) }, 5, 5},
		"an empty page early":               {func(n int) string { return []string{list(5, "1", "2"), list(5)}[n] }, -1, 2},
		"an empty page, shrunk":             {func(n int) string { return []string{list(3, "1", "2"), list(2)}[n] }, 2, 2},
	} {
		requests := 0
		c := newClientOver(t, echoes(func(r *http.Request) (*http.Response, error) {
			requests++
			if requests > 50 {
				return nil, errors.New("it goes on")
			}
			return &http.Response{StatusCode: 200, Header: http.Header{orgIDHeader: {"42"}},
				Body: io.NopCloser(strings.NewReader(tc.page(requests - 1))), Request: r}, nil
		}), nil)
		found, err := c.ServicePrincipals(t.Context(), "")
		if errors.Is(err, errPaging) != (tc.found < 0) || tc.found >= 0 && (err != nil || len(found) != tc.found) ||
			requests != tc.requests {
			t.Errorf("%s: %d found in %d requests, %v", name, len(found), requests, err)
		}
	}
}
