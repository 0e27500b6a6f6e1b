package groupmember_test

import (
	"slices"
	"strings"
	"testing"
)

// The list resource refuses the groups that the resource refuses.
func TestListBadInput(t *testing.T) {
	t.Parallel()
	w, _, _ := start(t)
	p := w.Protocol(t)
	for group, want := range map[string]string{"users": "everybody in the workspace is a member", "": "it is empty"} {
		found := slices.Collect(p.Stream(t, typeName, map[string]any{"group_name": group}, false, 0))
		if len(found) != 1 || !strings.Contains(found[0].Errors, want) {
			t.Errorf("%q: %+v", group, found)
		}
	}
	if n := w.Count("", "", ""); n != 0 {
		t.Errorf("%d requests for what the configuration alone shows", n)
	}
}
