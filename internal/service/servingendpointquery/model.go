package servingendpointquery

import (
	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	EndpointName  types.String         `tfsdk:"endpoint_name"`
	Request       jsontypes.Normalized `tfsdk:"request"`
	QueryAs       types.String         `tfsdk:"query_as"`
	Token         types.String         `tfsdk:"token"`
	StoreResponse types.Bool           `tfsdk:"store_response"`
	Status        types.Int64          `tfsdk:"status"`
	ServedModel   types.String         `tfsdk:"served_model"`
	Response      types.String         `tfsdk:"response"`
	Timeouts      timeouts.Value       `tfsdk:"timeouts"`
}

// query is what to ask of whom. It may hold a token and is never printed.
type query struct {
	Endpoint string
	Request  string
	Token    string // empty: ask as the provider
}

// scored is an endpoint's answer.
type scored struct {
	Status      int
	ServedModel string
	Body        string
}

func (m queryModel) toQuery() query {
	q := query{Endpoint: m.EndpointName.ValueString(), Request: m.Request.ValueString()}
	if m.QueryAs.ValueString() == asToken {
		q.Token = m.Token.ValueString()
	}
	return q
}

func (m *queryModel) tell(s scored) {
	m.Status = types.Int64Value(int64(s.Status))
	m.ServedModel = fwkit.String(s.ServedModel)
	m.Response = types.StringNull()
	if m.StoreResponse.ValueBool() {
		m.Response = types.StringValue(s.Body)
	}
}
