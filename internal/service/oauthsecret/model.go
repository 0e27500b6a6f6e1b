package oauthsecret

import (
	"cmp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type secretsModel struct {
	ApplicationID types.String  `tfsdk:"application_id"`
	Secrets       []secretModel `tfsdk:"secrets"`
}

type secretModel struct {
	SecretID           types.String `tfsdk:"secret_id"`
	ApplicationID      types.String `tfsdk:"application_id"`
	ServicePrincipalID types.String `tfsdk:"service_principal_id"`
	DisplayName        types.String `tfsdk:"display_name"`
	Status             types.String `tfsdk:"status"`
	CreatedAt          types.String `tfsdk:"created_at"`
	ExpiresAt          types.String `tfsdk:"expires_at"`
	Scopes             types.Set    `tfsdk:"scopes"`
}

// secret is an OAuth secret with the service principal that owns it.
type secret struct {
	client.OAuthSecret
	Owner client.ServicePrincipal
}

// oldestFirst sorts the secrets by time of creation, then by id, so that their order is the same in every run.
func oldestFirst(secrets []secret) {
	slices.SortFunc(secrets, func(a, b secret) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
}

func (m *secretsModel) show(secrets []secret) {
	m.Secrets = make([]secretModel, 0, len(secrets))
	for _, s := range secrets {
		m.Secrets = append(m.Secrets, secretModel{
			SecretID:           types.StringValue(s.ID),
			ApplicationID:      types.StringValue(s.Owner.ApplicationID),
			ServicePrincipalID: types.StringValue(s.Owner.ID),
			DisplayName:        fwkit.String(s.Owner.DisplayName),
			Status:             fwkit.String(s.Status),
			CreatedAt:          fwkit.Time(s.CreatedAt),
			ExpiresAt:          fwkit.Time(s.ExpiresAt),
			Scopes:             fwkit.Strings(s.Scopes),
		})
	}
}

// String returns the name of the data source for messages.
func (m secretsModel) String() string {
	if id := m.ApplicationID.ValueString(); id != "" {
		return "OAuth secrets of application " + id
	}
	return "OAuth secrets of the workspace"
}
