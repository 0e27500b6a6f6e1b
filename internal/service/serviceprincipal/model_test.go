package serviceprincipal

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

func ptr[T any](v T) *T { return &v }

func TestToDesired(t *testing.T) {
	for name, test := range map[string]struct {
		model principalModel
		want  desired
	}{
		"no value configured": {
			principalModel{Entitlements: types.SetNull(types.StringType)}, desired{},
		},
		"unknown values count as unset": {
			principalModel{
				ApplicationID: types.StringUnknown(), DisplayName: types.StringUnknown(), Active: types.BoolUnknown(),
				Entitlements: types.SetUnknown(types.StringType),
			}, desired{},
		},
		"everything written": {
			principalModel{
				ApplicationID: types.StringValue("a"), DisplayName: types.StringValue("n"),
				Active:       types.BoolValue(false),
				Entitlements: fwkit.Strings([]string{"workspace-access", "databricks-sql-access"}),
			},
			desired{"a", "n", ptr(false), &[]string{"databricks-sql-access", "workspace-access"}},
		},
		"an empty set is not an unset one": {
			principalModel{Entitlements: fwkit.Strings(nil)}, desired{Entitlements: ptr([]string(nil))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.model.toDesired(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	have := client.ServicePrincipal{ID: "1", ApplicationID: "a", DisplayName: "n", Active: ptr(true),
		Entitlements: []string{"workspace-access"}}
	for name, test := range map[string]struct {
		plan, want desired
		after      client.ServicePrincipal
	}{
		"nothing configured": {desired{}, desired{}, have},
		"all fulfilled":      {desired{"a", "n", ptr(true), &[]string{"workspace-access"}}, desired{}, have},
		"the application id is no change": {
			desired{ApplicationID: "A"}, desired{}, have,
		},
		"rename": {
			desired{DisplayName: "m", Active: ptr(true)}, desired{DisplayName: "m"},
			client.ServicePrincipal{ID: "1", ApplicationID: "a", DisplayName: "m", Active: ptr(true),
				Entitlements: []string{"workspace-access"}},
		},
		"deactivate": {
			desired{Active: ptr(false)}, desired{Active: ptr(false)},
			client.ServicePrincipal{ID: "1", ApplicationID: "a", DisplayName: "n", Active: ptr(false),
				Entitlements: []string{"workspace-access"}},
		},
		"no entitlements": {
			desired{Entitlements: &[]string{}}, desired{Entitlements: &[]string{}},
			client.ServicePrincipal{ID: "1", ApplicationID: "a", DisplayName: "n", Active: ptr(true),
				Entitlements: []string{}},
		},
		"other entitlements": {
			desired{Entitlements: &[]string{"allow-cluster-create"}}, desired{Entitlements: &[]string{"allow-cluster-create"}},
			client.ServicePrincipal{ID: "1", ApplicationID: "a", DisplayName: "n", Active: ptr(true),
				Entitlements: []string{"allow-cluster-create"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.plan.changes(have)
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got.none() != reflect.DeepEqual(test.want, desired{}) {
				t.Errorf("none() is %t for %+v", got.none(), got)
			}
			if after := got.after(have); !reflect.DeepEqual(after, test.after) {
				t.Errorf("after: %+v, want %+v", after, test.after)
			}
		})
	}
}

// An empty set of entitlements equals the absent set that a read returns.
func TestEmptyAndAbsentEntitlementsAreEqual(t *testing.T) {
	if c := (desired{Entitlements: &[]string{}}).changes(client.ServicePrincipal{}); !c.none() {
		t.Errorf("%+v", c)
	}
}

func TestShow(t *testing.T) {
	model := principalModel{ApplicationID: types.StringValue("ABCD")}
	model.show(client.ServicePrincipal{ID: "7", ApplicationID: "abcd", DisplayName: "n", Active: ptr(true)}, "42")
	for what, pair := range map[string][2]any{
		"id":             {model.ID, types.StringValue("7")},
		"application_id": {model.ApplicationID, types.StringValue("ABCD")},
		"display_name":   {model.DisplayName, types.StringValue("n")},
		"active":         {model.Active, types.BoolValue(true)},
		"external_id":    {model.ExternalID, types.StringNull()},
		"workspace_id":   {model.WorkspaceID, types.StringValue("42")},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	if model.Entitlements.IsNull() || len(model.Entitlements.Elements()) != 0 {
		t.Errorf("entitlements are %v, want an empty set", model.Entitlements)
	}
	if got := model.toServicePrincipal(); !reflect.DeepEqual(got, client.ServicePrincipal{ID: "7",
		ApplicationID: "ABCD", DisplayName: "n", Active: ptr(true)}) {
		t.Errorf("and back: %+v", got)
	}
	model.show(client.ServicePrincipal{ID: "7", ApplicationID: "other"}, "42")
	if model.ApplicationID != types.StringValue("other") {
		t.Errorf("the other application id was not shown: %v", model.ApplicationID)
	}
}

func TestName(t *testing.T) {
	for want, w := range map[string]desired{
		"service principal a (n)": {ApplicationID: "a", DisplayName: "n"},
		"service principal a":     {ApplicationID: "a"},
		"service principal n":     {DisplayName: "n"},
	} {
		if got := w.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The states hold every attribute as the official provider writes them.
func TestFromOfficial(t *testing.T) {
	const whole = `{"acl_principal_id":"servicePrincipals/abc","active":false,"allow_cluster_create":true,"allow_instance_pool_create":false,"api":null,"application_id":"abc",
		"databricks_sql_access":true,"disable_as_user_deletion":%s,"display_name":"n","external_id":"e","force":null,"force_delete_home_dir":null,"force_delete_repos":null,
		"home":"/Users/abc","id":"7","provider_config":[{"workspace_id":"42"}],"repos":"/Repos/abc","workspace_access":false,"workspace_consume":null}`
	for onDestroy, disables := range map[string]string{onDestroyDelete: "null", onDestroyDeactivate: "true"} {
		m, err := fromOfficial(fmt.Appendf(nil, whole, disables))
		if err != nil {
			t.Fatal(err)
		}
		want := principalModel{
			ID: types.StringValue("7"), ApplicationID: types.StringValue("abc"), DisplayName: types.StringValue("n"),
			ExternalID: types.StringValue("e"), Active: types.BoolValue(false),
			DeleteTokens: types.BoolValue(true), DeleteSecrets: types.BoolValue(true),
			AdoptExisting: types.BoolValue(false), OnDestroy: types.StringValue(onDestroy),
			WorkspaceID:  types.StringValue("42"),
			Entitlements: fwkit.Strings([]string{"allow-cluster-create", "databricks-sql-access"}),
			Timeouts:     fwkit.NoTimeouts(),
		}
		if !reflect.DeepEqual(m, want) {
			t.Errorf("got %+v, want %+v", m, want)
		}
	}
	// The state is as older versions of the official provider wrote it.
	old, err := fromOfficial([]byte(`{"id":"7","application_id":"abc","display_name":"n"}`))
	if err != nil || !old.Active.ValueBool() || !old.WorkspaceID.IsNull() || old.Entitlements.IsNull() {
		t.Errorf("%+v, %v", old, err)
	}
	for state, want := range map[string]string{
		`{"id":"7","application_id":"abc","api":"account"}`: "managed in the account",
		`{"id":"7"}`:                          "no SCIM id and application id",
		`{"id":"abc","application_id":"abc"}`: "no SCIM id and application id",
		`[]`:                                  "cannot be read",
	} {
		if _, err := fromOfficial([]byte(state)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// A refresh without changes produces the same model as the decoded state, so that fwkit.Refresh need not encode the
// model.
func TestRefreshWithoutChangesKeepsTheModel(t *testing.T) {
	var s resource.SchemaResponse
	(&principalResource{}).Schema(t.Context(), resource.SchemaRequest{}, &s)
	state := tfsdk.State{Schema: s.Schema, Raw: tftypes.NewValue(s.Schema.Type().TerraformType(t.Context()), nil)}
	sp := client.ServicePrincipal{ID: "1", ApplicationID: "a", DisplayName: "n", Active: ptr(true),
		Entitlements: []string{"databricks-sql-access", "workspace-access"}}
	var diags diag.Diagnostics
	diags.Append(state.Set(t.Context(), imported(sp, "12"))...)
	var before principalModel
	if !fwkit.Decode(t.Context(), state, &before, &diags) {
		t.Fatal(diags)
	}
	found := before
	if found.show(sp, "12"); !reflect.DeepEqual(before, found) {
		t.Errorf("%v\n%v", before, found)
	}
	sp.Entitlements = sp.Entitlements[:1]
	if found.show(sp, "12"); reflect.DeepEqual(before, found) {
		t.Error("a lost entitlement went unseen")
	}
}
