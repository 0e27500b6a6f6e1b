package acl_test

import (
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
)

func TestKey(t *testing.T) {
	for _, c := range []struct {
		a, b acl.Principal
		same bool
	}{
		{sp(app), sp(strings.ToUpper(app)), true},
		{user("bob@example.com"), user("Bob@Example.COM"), true},
		{group("team"), group("Team"), false},
		{user("team"), group("team"), false},
	} {
		if same := c.a.Key() == c.b.Key(); same != c.same || same != c.a.Same(c.b) {
			t.Errorf("%s and %s: equal keys %t, want %t", c.a, c.b, same, c.same)
		}
	}
}
