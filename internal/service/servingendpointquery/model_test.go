package servingendpointquery

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestToQuery(t *testing.T) {
	stored, diags := types.ObjectValue(map[string]attr.Type{"vault_uri": types.StringType, "name": types.StringType},
		map[string]attr.Value{"vault_uri": types.StringValue("https://kv.vault.azure.net/"),
			"name": types.StringValue("iris")})
	if diags.HasError() {
		t.Fatal(diags)
	}
	for name, c := range map[string]struct {
		as, token, asks string
		want            query
	}{
		"provider":         {asProvider, "", "query_as", query{Endpoint: "iris", Request: `{"inputs": []}`}},
		"token":            {asToken, "dapi00", asToken, query{Endpoint: "iris", Request: `{"inputs": []}`, Token: "dapi00"}},
		"key vault secret": {asSecret, "", asSecret, query{Endpoint: "iris", Request: `{"inputs": []}`, Secret: secret{"https://kv.vault.azure.net/", "iris"}}},
		// Validation refuses this configuration, but its query must still use the credential that query_as names.
		"a token too many": {asProvider, "dapi00", "query_as", query{Endpoint: "iris", Request: `{"inputs": []}`}},
	} {
		t.Run(name, func(t *testing.T) {
			m := queryModel{
				EndpointName: types.StringValue("iris"), Request: jsontypes.NewNormalizedValue(`{"inputs": []}`),
				QueryAs: types.StringValue(c.as), Token: types.StringValue(c.token), KeyVaultSecret: stored,
			}
			got := m.toQuery()
			if got != c.want {
				t.Error("another query than was written") // the query is not printed, because it may hold a token
			}
			if got.credentialAttribute() != c.asks {
				t.Errorf("the attribute of the caller's credential is %s, want %s", got.credentialAttribute(), c.asks)
			}
		})
	}
}

func TestShow(t *testing.T) {
	for name, c := range map[string]struct {
		store types.Bool
		want  types.String
	}{
		"not set": {types.BoolNull(), types.StringNull()},
		"false":   {types.BoolValue(false), types.StringNull()},
		"true":    {types.BoolValue(true), types.StringValue("{}")},
	} {
		t.Run(name, func(t *testing.T) {
			m := queryModel{StoreResponse: c.store, Response: types.StringUnknown()}
			m.show(scored{Status: 200, Body: "{}"})
			if !m.Response.Equal(c.want) || m.Status.ValueInt64() != 200 || !m.ServedModel.IsNull() {
				t.Errorf("got %s, %s, %s", m.Response, m.Status, m.ServedModel)
			}
		})
	}
}
