package serviceprincipal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type principalModel struct {
	ID            types.String   `tfsdk:"id"`
	ApplicationID types.String   `tfsdk:"application_id"`
	DisplayName   types.String   `tfsdk:"display_name"`
	Active        types.Bool     `tfsdk:"active"`
	Entitlements  types.Set      `tfsdk:"entitlements"`
	DeleteTokens  types.Bool     `tfsdk:"delete_tokens_when_inactive"`
	DeleteSecrets types.Bool     `tfsdk:"delete_oauth_secrets_when_inactive"`
	AdoptExisting types.Bool     `tfsdk:"adopt_existing"`
	OnDestroy     types.String   `tfsdk:"on_destroy"`
	ExternalID    types.String   `tfsdk:"external_id"`
	WorkspaceID   types.String   `tfsdk:"workspace_id"`
	Timeouts      timeouts.Value `tfsdk:"timeouts"`
}

// desired holds the wanted attributes of a service principal. A nil or empty field means that the configuration does
// not set the attribute.
type desired struct {
	ApplicationID string
	DisplayName   string
	Active        *bool
	Entitlements  *[]string
}

// String returns the service principal's name for messages.
func (w desired) String() string {
	return client.ServicePrincipal{ApplicationID: w.ApplicationID, DisplayName: w.DisplayName}.String()
}

func (m principalModel) String() string { return m.toServicePrincipal().String() }

// toDesired returns the known values of the model. A value that the plan leaves to the service is unknown, and is left
// out.
func (m principalModel) toDesired() desired {
	w := desired{ApplicationID: m.ApplicationID.ValueString(), DisplayName: m.DisplayName.ValueString()}
	if !m.Active.IsNull() && !m.Active.IsUnknown() {
		w.Active = m.Active.ValueBoolPointer()
	}
	if !m.Entitlements.IsNull() && !m.Entitlements.IsUnknown() {
		entitlements := fwkit.Sorted(m.Entitlements)
		w.Entitlements = &entitlements
	}
	return w
}

// changes returns the part of the desired attributes that differs from have, the service principal as it is.
func (w desired) changes(have client.ServicePrincipal) desired {
	var c desired
	if w.DisplayName != "" && w.DisplayName != have.DisplayName {
		c.DisplayName = w.DisplayName
	}
	if w.Active != nil && *w.Active != have.IsActive() {
		c.Active = w.Active
	}
	if w.Entitlements != nil && !slices.Equal(*w.Entitlements, have.Entitlements) {
		c.Entitlements = w.Entitlements
	}
	return c
}

// deactivates reports whether the change deactivates the service principal.
func (w desired) deactivates() bool { return w.Active != nil && !*w.Active }

// none reports whether w sets no attribute that can change.
func (w desired) none() bool { return w.DisplayName == "" && w.Active == nil && w.Entitlements == nil }

// after returns have, the service principal as it is, with the desired attributes in place of its own.
func (w desired) after(have client.ServicePrincipal) client.ServicePrincipal {
	if w.DisplayName != "" {
		have.DisplayName = w.DisplayName
	}
	if w.Active != nil {
		have.Active = w.Active
	}
	if w.Entitlements != nil {
		have.Entitlements = *w.Entitlements
	}
	return have
}

// toServicePrincipal returns the service principal that the state holds.
func (m principalModel) toServicePrincipal() client.ServicePrincipal {
	return client.ServicePrincipal{
		ID: m.ID.ValueString(), ApplicationID: m.ApplicationID.ValueString(), DisplayName: m.DisplayName.ValueString(),
		ExternalID: m.ExternalID.ValueString(), Active: new(m.Active.ValueBool()),
		Entitlements: fwkit.Sorted(m.Entitlements),
	}
}

// leftTokens reports whether the service principal is inactive because somebody else deactivated it, so that it may
// have kept its tokens. deactivatedByOthers is the SCIM id of the principal that somebody else deactivated.
func (m principalModel) leftTokens(deactivatedByOthers string) bool {
	return deactivatedByOthers != "" && deactivatedByOthers == m.ID.ValueString() && !m.Active.ValueBool()
}

// mayEndTokens reports whether the configuration deletes the tokens or OAuth secrets of the service principal, or may
// do so once all its values are known.
func (m principalModel) mayEndTokens(plan principalModel) bool {
	return (m.Active.IsUnknown() || m.toDesired().deactivates()) &&
		(plan.DeleteTokens.IsUnknown() || plan.DeleteTokens.ValueBool() || plan.DeleteSecrets.IsUnknown() ||
			plan.DeleteSecrets.ValueBool())
}

// replaces reports whether the plan is certainly for another service principal than the one in the state.
func (m principalModel) replaces(state principalModel) bool {
	return !m.ApplicationID.IsUnknown() &&
		!strings.EqualFold(m.ApplicationID.ValueString(), state.ApplicationID.ValueString())
}

// show writes what the service returned into the model. The application id keeps its spelling.
func (m *principalModel) show(sp client.ServicePrincipal, workspaceID string) {
	m.ID = types.StringValue(sp.ID)
	if !strings.EqualFold(m.ApplicationID.ValueString(), sp.ApplicationID) {
		m.ApplicationID = fwkit.String(sp.ApplicationID)
	}
	m.DisplayName = types.StringValue(sp.DisplayName)
	m.Active = types.BoolValue(sp.IsActive())
	m.Entitlements = fwkit.Strings(sp.Entitlements)
	m.ExternalID = fwkit.String(sp.ExternalID)
	m.WorkspaceID = fwkit.String(workspaceID)
}

// imported returns the state of an existing service principal, with every default filled in.
func imported(sp client.ServicePrincipal, workspaceID string) principalModel {
	m := principalModel{
		DeleteTokens:  types.BoolValue(true),
		DeleteSecrets: types.BoolValue(true),
		AdoptExisting: types.BoolValue(false),
		OnDestroy:     types.StringValue(onDestroyDelete),
		Timeouts:      fwkit.NoTimeouts(),
	}
	m.show(sp, workspaceID)
	return m
}

// official is the state of a databricks_service_principal, limited to the attributes that this resource can use.
// https://registry.terraform.io/providers/databricks/databricks/latest/docs/resources/service_principal
type official struct {
	fwkit.OfficialProvider
	ID                      string `json:"id"`
	ApplicationID           string `json:"application_id"`
	DisplayName             string `json:"display_name"`
	ExternalID              string `json:"external_id"`
	Active                  *bool  `json:"active"`
	AllowClusterCreate      bool   `json:"allow_cluster_create"`
	AllowInstancePoolCreate bool   `json:"allow_instance_pool_create"`
	DatabricksSQLAccess     bool   `json:"databricks_sql_access"`
	WorkspaceAccess         bool   `json:"workspace_access"`
	WorkspaceConsume        bool   `json:"workspace_consume"`
	DisableOnDestroy        bool   `json:"disable_as_user_deletion"`
	API                     string `json:"api"`
}

// fromOfficial converts a state of the official provider. Attributes that this state lacks get their defaults, until a
// refresh reads them.
func fromOfficial(state []byte) (principalModel, error) {
	var o official
	if err := json.Unmarshal(state, &o); err != nil {
		return principalModel{}, fmt.Errorf("the moved state cannot be read: %w", err)
	}
	if o.ID == "" || strings.Trim(o.ID, "0123456789") != "" || o.ApplicationID == "" {
		return principalModel{}, errors.New(
			"the moved state has no SCIM id and application id; apply the resource once with the official provider " +
				"first",
		)
	}
	if o.API == "account" {
		return principalModel{}, errors.New(
			"the moved resource is managed in the account, but this provider manages a workspace; remove the moved " +
				"block, and import the workspace's service principal by its application id",
		)
	}
	sp := client.ServicePrincipal{
		ID:            o.ID,
		ApplicationID: o.ApplicationID,
		DisplayName:   o.DisplayName,
		ExternalID:    o.ExternalID,
		Active:        new(o.Active == nil || *o.Active),
	}
	for name, has := range map[string]bool{
		"allow-cluster-create":       o.AllowClusterCreate,
		"allow-instance-pool-create": o.AllowInstancePoolCreate,
		"databricks-sql-access":      o.DatabricksSQLAccess,
		"workspace-access":           o.WorkspaceAccess, "workspace-consume": o.WorkspaceConsume,
	} {
		if has {
			sp.Entitlements = append(sp.Entitlements, name)
		}
	}
	slices.Sort(sp.Entitlements)
	m := imported(sp, o.WorkspaceID())
	if o.DisableOnDestroy {
		m.OnDestroy = types.StringValue(onDestroyDeactivate)
	}
	return m, nil
}
