package servingendpointquery

import (
	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type queryModel struct {
	EndpointName   types.String         `tfsdk:"endpoint_name"`
	Request        jsontypes.Normalized `tfsdk:"request"`
	QueryAs        types.String         `tfsdk:"query_as"`
	Token          types.String         `tfsdk:"token"`
	KeyVaultSecret types.Object         `tfsdk:"key_vault_secret"`
	ClientID       types.String         `tfsdk:"client_id"`
	ClientSecret   types.String         `tfsdk:"client_secret"`
	ExpectDenied   types.Bool           `tfsdk:"expect_denied"`
	StoreResponse  types.Bool           `tfsdk:"store_response"`
	Status         types.Int64          `tfsdk:"status"`
	ServedModel    types.String         `tfsdk:"served_model"`
	Response       types.String         `tfsdk:"response"`
	Timeouts       timeouts.Value       `tfsdk:"timeouts"`
}

// query is one request to a model, with the credential that sends it. It may hold a token and is never printed.
type query struct {
	Endpoint     string
	Request      string
	Token        string // empty if the query is sent as the provider, or with the token in Secret
	Secret       secret
	ClientID     string // if set, the query is sent as this application, with OAuthSecret or the one in Secret
	OAuthSecret  string // empty if the OAuth secret is in Secret
	ExpectDenied bool

	fewScopes bool // the OAuth secret lacks some scopes
}

// secret identifies a secret in Key Vault that holds a credential.
type secret struct{ VaultURI, Name string }

// credentialAttribute returns the attribute that an error about the query's credential points at.
func (q query) credentialAttribute() string {
	switch {
	case q.Secret != secret{}:
		return asSecret
	case q.Token != "":
		return asToken
	case q.ClientID != "":
		return "client_secret"
	default:
		return "query_as"
	}
}

// afterRefusal returns the sentences that follow the error of a token that does not work.
func (q query) afterRefusal() string {
	text := " This error also stops a destroy, because a destroy reads data sources first: " +
		"terraform destroy -refresh=false does not."
	if q.ExpectDenied {
		text += " This is an error also with expect_denied = true, because a token that does not work does not prove " +
			"that its owner lacks CAN_QUERY."
	}
	return text
}

// scored is the answer of an endpoint to a query.
type scored struct {
	Status      int
	ServedModel string
	Body        string
}

func (m queryModel) toQuery() query {
	q := query{
		Endpoint:     m.EndpointName.ValueString(),
		Request:      m.Request.ValueString(),
		ExpectDenied: m.ExpectDenied.ValueBool(),
	}
	as := m.QueryAs.ValueString()
	if as == asToken {
		q.Token = m.Token.ValueString()
	}
	if as == asOAuth {
		q.ClientID, q.OAuthSecret = m.ClientID.ValueString(), m.ClientSecret.ValueString()
	}
	if as == asSecret || as == asOAuth {
		q.Secret.VaultURI, q.Secret.Name = fwkit.StoredAt(m.KeyVaultSecret)
	}
	return q
}

func (m *queryModel) show(s scored) {
	m.Status = types.Int64Value(int64(s.Status))
	m.ServedModel = fwkit.String(s.ServedModel)
	m.Response = types.StringNull()
	if m.StoreResponse.ValueBool() {
		m.Response = fwkit.String(s.Body)
	}
}
