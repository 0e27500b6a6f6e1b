package emulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// The service principals of a workspace: docs.databricks.com/api/azure/workspace/serviceprincipals. There are two kinds
// (learn.microsoft.com/azure/databricks/admin/users-groups/service-principals). For one that Microsoft Entra ID
// manages, the caller sends the application id, which is not checked against Entra ID. For one that Azure Databricks
// manages, the workspace generates the application id.

func (w *Workspace) servicePrincipalRoutes(api func(string, handler)) {
	root := scimRoot + "ServicePrincipals"
	api("POST "+root, createServicePrincipal)
	api("PUT "+root+"/{id}", replaceServicePrincipal)
	api("PATCH "+root+"/{id}", func(c *call) (any, error) { return c.patchResource(servicePrincipalKind) })
	api("DELETE "+root+"/{id}", func(c *call) (any, error) {
		if err := c.scimAdminsOnly(servicePrincipalKind); err != nil {
			return nil, err
		}
		p, err := c.scimFind(servicePrincipalKind)
		if err != nil {
			return nil, err
		}
		c.w.remove(p)
		p.changed = c.now
		c.w.deleted = append(c.w.deleted, p)
		if c.w.switches.IdentityFederation {
			kept := &principal{id: p.id, kind: p.kind, applicationID: p.applicationID, displayName: p.displayName,
				externalID: p.externalID, active: true}
			c.w.account[strings.ToLower(p.applicationID)] = kept
		}
		return noContent{}, nil
	})
}

type servicePrincipalRequest struct {
	Schemas       []string       `json:"schemas"`
	ApplicationID string         `json:"applicationId"`
	DisplayName   string         `json:"displayName"`
	ExternalID    string         `json:"externalId"`
	Active        *bool          `json:"active"`
	Entitlements  []complexValue `json:"entitlements"`
	Groups        []complexValue `json:"groups"`
	Roles         []complexValue `json:"roles"`
}

// A draft is a copy of a principal, with the ids of its groups, that a request changes. Memberships are stored in the
// groups, so the principal and the groups are changed only when the whole request is valid.
type draft struct {
	*principal
	groups []string // ids of the groups that have it as a direct member
}

func (c *call) draftOf(p *principal) *draft {
	d := &draft{principal: p.clone()}
	for _, g := range c.w.groups {
		if g.members[p.id] {
			d.groups = append(d.groups, g.id)
		}
	}
	return d
}

// commit copies a draft into its principal, and the draft's memberships into the groups.
func (c *call) commit(p *principal, d *draft) {
	c.touched(p)
	p.displayName, p.externalID, p.active = d.displayName, d.externalID, d.active
	p.entitlements, p.roles = d.entitlements, d.roles
	if p.kind == groupKind {
		p.members = d.members
	}
	for _, g := range c.w.groups {
		if g.members[p.id] == slices.Contains(d.groups, g.id) {
			continue
		}
		c.touched(g)
		if g.members[p.id] {
			delete(g.members, p.id)
		} else {
			g.members[p.id] = true
		}
	}
}

// fill copies the service principal of a request into a draft. It returns an error if the request is invalid.
func (c *call) fill(d *draft, request servicePrincipalRequest) error {
	if len(request.Schemas) > 0 && !slices.Contains(request.Schemas, schemaServicePrincipal) {
		return scimRefuse(http.StatusBadRequest, "invalidValue", "schemas must contain %s.", schemaServicePrincipal)
	}
	if len(request.ExternalID) > maxExternalID {
		return scimRefuse(http.StatusBadRequest, "invalidValue", "externalId must be at most %d characters.",
			maxExternalID)
	}
	d.displayName, d.externalID = request.DisplayName, request.ExternalID
	d.active = request.Active == nil || *request.Active
	var err error
	if d.entitlements, err = c.checkedEntitlements(plainValues(request.Entitlements)); err != nil {
		return err
	}
	d.roles, d.groups = plainValues(request.Roles), plainValues(request.Groups)
	return c.checkGroups(d.groups)
}

// plainValues returns the values without duplicates and without empty values. Clients send one empty value to mean an
// empty list.
func plainValues(list []complexValue) []string {
	var plain []string
	for _, v := range list {
		if v.Value != "" && !slices.Contains(plain, v.Value) {
			plain = append(plain, v.Value)
		}
	}
	return plain
}

func (w *Workspace) knowsEntitlement(name string) bool {
	return knownEntitlements[name] || slices.Contains(w.switches.MoreEntitlements, name)
}

func (c *call) checkedEntitlements(list []string) ([]string, error) {
	for _, e := range list {
		if !c.w.knowsEntitlement(e) {
			return nil, scimRefuse(http.StatusBadRequest, "invalidValue", "Entitlement '%s' is not supported.", e)
		}
		if e == "workspace-consume" && (slices.Contains(list, "workspace-access") ||
			slices.Contains(list, "databricks-sql-access")) {
			return nil, scimRefuse(http.StatusBadRequest, "invalidValue", "Entitlement 'workspace-consume' cannot "+
				"be combined with 'workspace-access' or 'databricks-sql-access'.")
		}
	}
	return list, nil
}

func (c *call) checkGroups(ids []string) error {
	for _, id := range ids {
		if g := c.w.byID(id); g == nil || g.kind != groupKind {
			return scimRefuse(http.StatusNotFound, "", "Group with id %s is not found", id)
		}
		if id == c.w.users.id {
			return usersAreFixed()
		}
	}
	return nil
}

func createServicePrincipal(c *call) (any, error) {
	if err := c.scimAdminsOnly(servicePrincipalKind); err != nil {
		return nil, err
	}
	var request servicePrincipalRequest
	if err := c.scimDecode(&request); err != nil {
		return nil, err
	}
	switch {
	case request.ApplicationID == "" && request.DisplayName == "":
		return nil, scimRefuse(http.StatusBadRequest, "invalidValue", "Either applicationId or displayName "+
			"must be given.")
	case request.ApplicationID == "":
		request.ApplicationID = uuid.NewString()
	default:
		if _, err := uuid.Parse(request.ApplicationID); err != nil {
			return nil, scimRefuse(http.StatusBadRequest, "invalidValue", "applicationId '%s' is not a UUID.",
				request.ApplicationID)
		}
	}
	if c.w.findServicePrincipal(request.ApplicationID) != nil {
		text := "Service principal with application ID {} already exists."
		if c.w.switches.DuplicateAsUser {
			text = "User with email {} already exists in this account"
		}
		return nil, c.w.switches.SCIMDuplicate.or(http.StatusConflict, "", text, request.ApplicationID)
	}
	if request.DisplayName == "" {
		if request.DisplayName = c.w.switches.DefaultDisplayName; request.DisplayName == "" {
			request.DisplayName = request.ApplicationID
		}
	}
	d := &draft{principal: &principal{kind: servicePrincipalKind, applicationID: request.ApplicationID}}
	if err := c.fill(d, request); err != nil {
		return nil, err
	}
	if kept := c.w.account[strings.ToLower(request.ApplicationID)]; kept != nil {
		delete(c.w.account, strings.ToLower(request.ApplicationID))
		d.id, d.displayName, d.externalID = kept.id, kept.displayName, kept.externalID
	}
	p := c.w.add(d.principal)
	c.commit(p, d)
	p.created, p.accessFrom = true, c.now.Add(c.w.switches.AccessPlaneDelay)
	c.status = http.StatusCreated
	return c.resource(p), nil
}

func replaceServicePrincipal(c *call) (any, error) {
	if err := c.scimAdminsOnly(servicePrincipalKind); err != nil {
		return nil, err
	}
	p, err := c.scimFind(servicePrincipalKind)
	if err != nil {
		return nil, err
	}
	var request servicePrincipalRequest
	if err := c.scimDecode(&request); err != nil {
		return nil, err
	}
	// On Azure the body must repeat the application id.
	if !strings.EqualFold(request.ApplicationID, p.applicationID) {
		return nil, scimRefuse(http.StatusBadRequest, "mutability", "applicationId must be given and "+
			"cannot be changed.")
	}
	if request.DisplayName == "" {
		request.DisplayName = p.applicationID
	}
	d := c.draftOf(p)
	if err := c.fill(d, request); err != nil {
		return nil, err
	}
	if err := d.rename(p.displayName, c.w.switches.RenameByPut); err != nil {
		return nil, err
	}
	c.commit(p, d)
	return c.written(p), nil
}
