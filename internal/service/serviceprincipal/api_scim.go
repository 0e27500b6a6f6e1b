package serviceprincipal

import (
	"context"
	"net/http"
	"slices"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// https://docs.databricks.com/api/azure/workspace/serviceprincipals/create
func post(ctx context.Context, c *client.Client, want wish) (servicePrincipal, error) {
	active := true
	request := scimServicePrincipal{
		Schemas:       schemas,
		ApplicationID: want.ApplicationID,
		DisplayName:   want.DisplayName,
		Active:        &active,
	}
	if want.Active != nil {
		request.Active = want.Active
	}
	if want.Entitlements != nil {
		request.Entitlements = values(*want.Entitlements)
	}
	made := scimServicePrincipal{wantApplicationID: want.ApplicationID}
	if err := c.Call(ctx, http.MethodPost, collection, nil, request, &made); err != nil {
		return servicePrincipal{}, advise(err)
	}
	return made.toServicePrincipal(), nil
}

const collection = "/api/2.0/preview/scim/v2/ServicePrincipals"

var schemas = []string{"urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"}

// scimServicePrincipal is one as SCIM writes it.
type scimServicePrincipal struct {
	Schemas       []string    `json:"schemas,omitempty"`
	ID            string      `json:"id,omitempty"`
	ApplicationID string      `json:"applicationId,omitempty"`
	DisplayName   string      `json:"displayName,omitempty"`
	ExternalID    string      `json:"externalId,omitempty"`
	Active        *bool       `json:"active,omitempty"`
	Entitlements  []scimValue `json:"entitlements,omitempty"`
	Groups        []scimValue `json:"groups,omitempty"`
	Roles         []scimValue `json:"roles,omitempty"`

	wantID, wantApplicationID string // that were asked for
}

type scimValue struct {
	Value string `json:"value"`
}

// Lacks implements [client.Answer].
func (sp *scimServicePrincipal) Lacks(bool) string {
	if lack := client.Named("id", sp.ID, sp.wantID); lack != "" {
		return lack
	}
	return client.Named("applicationId", sp.ApplicationID, sp.wantApplicationID)
}

func values(of []string) []scimValue {
	var list []scimValue
	for _, v := range of {
		list = append(list, scimValue{v})
	}
	return list
}

func (sp *scimServicePrincipal) toServicePrincipal() servicePrincipal {
	out := servicePrincipal{
		ID: sp.ID, ApplicationID: sp.ApplicationID, DisplayName: sp.DisplayName, ExternalID: sp.ExternalID, Active: sp.Active != nil && *sp.Active,
	}
	for _, e := range sp.Entitlements {
		out.Entitlements = append(out.Entitlements, e.Value)
	}
	slices.Sort(out.Entitlements)
	return out
}

func fromList(sp client.ServicePrincipal) servicePrincipal {
	return servicePrincipal{
		ID: sp.ID, ApplicationID: sp.ApplicationID, DisplayName: sp.DisplayName, ExternalID: sp.ExternalID, Active: sp.Active != nil && *sp.Active,
		Entitlements: slices.Sorted(slices.Values(sp.Entitlements)),
	}
}
