package acl_test

import (
	"context"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
)

// The directory finds a group whatever its case, and access lists do not: who mistyped it is told at once.
func TestGroupInAnotherCaseIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, _, err := acl.Grant(ctx, w.client, w.endpoint, group("TEAM"), acl.CanQuery, false)
	if err == nil || ctx.Err() != nil {
		t.Errorf("%v: want a refusal at once", err)
	}
}
