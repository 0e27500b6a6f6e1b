package acl_test

import (
	"context"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acl"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// TestGroupInAnotherCaseIsNotWaitedFor checks that a group name in the wrong case is refused at once. The directory
// ignores case, and access lists do not.
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

// TestNewGroupBesideAnotherCaseIsWaitedFor checks that a new group is waited for if another group has the same name in
// another case. The directory then finds both groups.
func TestNewGroupBesideAnotherCaseIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Workspace.AddGroup("LATE")
	w.Workspace.AddGroup("late")
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: listPath, Status: 404,
		Code:    "RESOURCE_DOES_NOT_EXIST",
		Message: "Principal: GroupName(late) does not exist"})
	if _, _, err := acl.Grant(t.Context(), w.client, w.endpoint, group("late"), acl.CanQuery, false); err != nil {
		t.Error(err)
	}
}
