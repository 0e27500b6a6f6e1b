package groupmember_test

import (
	"fmt"
	"testing"
)

// A query shows the members of many groups as they arrive: the first of them after one page of groups.
func TestListStreams(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	const many = 1_000
	for i := range many {
		group := fmt.Sprintf("group %04d", i)
		w.Workspace.AddGroup(group)
		w.Workspace.AddToGroup(group, w.ScoringApp.ClientID)
	}
	p := w.Protocol(t)
	pages := func() int { return w.Count("workspace", "GET", scim+"Groups") }
	count := 0
	for found := range p.Stream(t, typeName, nil, true, 0) {
		if found.Errors != "" {
			t.Fatal(found.Errors)
		}
		if count++; count == 1 && pages() != 1 {
			t.Errorf("%d requests for groups before the first result", pages())
		}
	}
	if count != many || pages() != 3 {
		t.Errorf("%d results of %d requests for groups", count, pages())
	}
	w.Tenant.Journal.Reset()
	for range p.Stream(t, typeName, nil, false, 0) {
		break // a caller that stops causes no further requests
	}
	if pages() != 1 {
		t.Errorf("%d requests for one result", pages())
	}
}
