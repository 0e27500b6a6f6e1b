package groupmember

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestSplitID(t *testing.T) {
	for id, want := range map[string][2]string{
		"g/a": {"g", "a"}, "a/b/c": {"a/b", "c"}, "g/": {"g", ""}, "/a": {"", ""}, "g": {"", ""}, "": {"", ""},
	} {
		if group, applicationID := splitID(id); group != want[0] || applicationID != want[1] {
			t.Errorf("%q is %q and %q", id, group, applicationID)
		}
	}
}

func TestMapping(t *testing.T) {
	m := imported(membership{Group: "g", ApplicationID: "A", GroupID: "1", PrincipalID: "2"}, "42")
	for what, pair := range map[string][2]any{
		"id":             {m.ID, types.StringValue("g/A")},
		"group_id":       {m.GroupID, types.StringValue("1")},
		"principal":      {m.ServicePrincipalID, types.StringValue("2")},
		"workspace_id":   {m.WorkspaceID, types.StringValue("42")},
		"and back":       {m.toMembership(), membership{Group: "g", ApplicationID: "A", GroupID: "1", PrincipalID: "2"}},
		"unknown is not": {memberModel{GroupID: types.StringUnknown()}.toMembership(), membership{}},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	for want, have := range map[string]membership{
		"service principal a in group g":     {Group: "g", ApplicationID: "a", ShownAs: "A"},
		"service principal a (n) in group g": {Group: "g", ApplicationID: "a", ShownAs: "n"},
	} {
		if have.String() != want {
			t.Errorf("%q, want %q", have, want)
		}
	}
}
