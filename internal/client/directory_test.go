package client

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestDirectoryUsesListAlreadyRead checks that a directory uses a list that has been read. A list that is too old is
// not read again for a single object, and an object that the list lacks is read by itself.
func TestDirectoryUsesListAlreadyRead(t *testing.T) {
	t.Parallel()
	var asked []string
	list := func(context.Context) (map[string]int, error) {
		asked = append(asked, "list")
		return map[string]int{"a": 1}, nil
	}
	d := Directory[int]{list: list}
	one := func(key string) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { asked = append(asked, key); return 2, nil }
	}
	if _, err := d.all.Get(t.Context(), AnyAge, list); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key    string
		maxAge time.Duration
		want   int
	}{{"a", AnyAge, 1}, {"a", time.Hour, 1}, {"b", AnyAge, 2}, {"a", time.Nanosecond, 2}} {
		if v, err := d.Get(t.Context(), c.key, c.maxAge, one(c.key)); v != c.want || err != nil {
			t.Errorf("%s, at most %s old: %d, %v", c.key, c.maxAge, v, err)
		}
	}
	if got := strings.Join(asked, " "); got != "list b a" {
		t.Errorf("asked %q", got)
	}
}
