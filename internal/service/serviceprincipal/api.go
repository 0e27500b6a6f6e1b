package serviceprincipal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/listing"
	"github.com/databricks/databricks-sdk-go/service/iam"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// ErrExists: a service principal of that application id is in the workspace already.
var ErrExists = errors.New("it is already in this workspace")

// findByApplicationID looks one up; nil when there is none. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
func findByApplicationID(ctx context.Context, c *client.Client, applicationID string) (*servicePrincipal, error) {
	// Only the first page is read: the SDK's pager would ask for a second, empty one.
	page := iam.NewServicePrincipalsV2(c.SDK()).List(ctx, iam.ListServicePrincipalsRequest{
		Filter: "applicationId eq " + strconv.Quote(applicationID),
		Count:  1,
	})
	found, err := page.Next(ctx)
	if errors.Is(err, listing.ErrNoMoreItems) {
		return nil, nil
	}
	if err != nil {
		return nil, advise(err)
	}
	if !strings.EqualFold(found.ApplicationId, applicationID) {
		return nil, nil // a service that ignored the filter must not make us adopt a stranger
	}
	return fromAPI(&found), nil
}

// idsOfName lists the SCIM ids of those with that display name, which need not be unique. Two requests.
func idsOfName(ctx context.Context, c *client.Client, displayName string) ([]string, error) {
	all, err := iam.NewServicePrincipalsV2(c.SDK()).ListAll(ctx, iam.ListServicePrincipalsRequest{
		Attributes: "id,displayName",
		Filter:     "displayName eq " + strconv.Quote(displayName),
	})
	if err != nil {
		return nil, advise(err)
	}
	var ids []string
	for _, sp := range all {
		if sp.DisplayName == displayName {
			ids = append(ids, sp.Id)
		}
	}
	return ids, nil
}

// readServicePrincipal reads one by its SCIM id. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/get
func readServicePrincipal(ctx context.Context, c *client.Client, id string) (servicePrincipal, error) {
	sp, err := iam.NewServicePrincipalsV2(c.SDK()).Get(ctx, iam.GetServicePrincipalRequest{Id: id})
	if err != nil {
		return servicePrincipal{}, advise(err)
	}
	return *fromAPI(sp), nil
}

// addServicePrincipal makes one, and makes no second one when the answer to the first attempt is lost: whoever was
// absent before and is there after is ours. Two requests; one more for each look after a lost answer.
func addServicePrincipal(ctx context.Context, c *client.Client, want wish) (servicePrincipal, error) {
	if want.ApplicationID == "" {
		return addDatabricksManaged(ctx, c, want)
	}
	existing, err := findByApplicationID(ctx, c, want.ApplicationID)
	if err != nil {
		return servicePrincipal{}, err
	}
	if existing != nil {
		return *existing, ErrExists
	}
	for {
		created, err := post(ctx, c, want)
		conflict, lost := errors.Is(err, client.ErrConflict), errors.Is(err, client.ErrAnswerLost)
		if !conflict && !lost {
			return created, err
		}
		found, lookErr := findByApplicationID(ctx, c, want.ApplicationID)
		switch {
		case lookErr != nil:
			return servicePrincipal{}, errors.Join(err, lookErr)
		case found != nil && conflict: // somebody else was faster
			return *found, ErrExists
		case found != nil:
			return *found, nil
		case conflict:
			return servicePrincipal{}, err
		case ctx.Err() != nil:
			return servicePrincipal{}, err
		}
	}
}

// addDatabricksManaged makes one that has no application id yet to look it up by, so the ids of its display name before
// and after tell whether a lost answer did the work.
func addDatabricksManaged(ctx context.Context, c *client.Client, want wish) (servicePrincipal, error) {
	before, err := idsOfName(ctx, c, want.DisplayName)
	if err != nil {
		return servicePrincipal{}, err
	}
	for {
		created, err := post(ctx, c, want)
		if !errors.Is(err, client.ErrAnswerLost) {
			return created, err
		}
		after, lookErr := idsOfName(ctx, c, want.DisplayName)
		if lookErr != nil {
			return servicePrincipal{}, errors.Join(err, lookErr)
		}
		after = slices.DeleteFunc(after, func(id string) bool { return slices.Contains(before, id) })
		switch {
		case len(after) == 1:
			return readServicePrincipal(ctx, c, after[0])
		case len(after) > 1:
			return servicePrincipal{}, fmt.Errorf("%w; %d service principals named %q appeared meanwhile (SCIM ids %s), and which one is this cannot be told: import it",
				err, len(after), want.DisplayName, strings.Join(after, ", "))
		case ctx.Err() != nil:
			return servicePrincipal{}, err
		}
	}
}

// https://docs.databricks.com/api/azure/workspace/serviceprincipals/create
func post(ctx context.Context, c *client.Client, want wish) (servicePrincipal, error) {
	request := iam.CreateServicePrincipalRequest{
		Schemas:       []iam.ServicePrincipalSchema{iam.ServicePrincipalSchemaUrnIetfParamsScimSchemasCore20ServicePrincipal},
		ApplicationId: want.ApplicationID, DisplayName: want.DisplayName,
		Active: true, ForceSendFields: []string{"Active"},
	}
	if want.Active != nil {
		request.Active = *want.Active
	}
	if want.Entitlements != nil {
		request.Entitlements = entitlements(*want.Entitlements)
	}
	sp, err := iam.NewServicePrincipalsV2(c.SDK()).Create(ctx, request)
	if err != nil {
		return servicePrincipal{}, advise(err)
	}
	return *fromAPI(sp), nil
}

// changeServicePrincipal sends only what changes, so that groups and roles stay as they are. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/patch
func changeServicePrincipal(ctx context.Context, c *client.Client, id string, change wish) error {
	var operations []iam.Patch
	if change.DisplayName != "" {
		operations = append(operations, iam.Patch{Op: iam.PatchOpReplace, Path: "displayName", Value: change.DisplayName})
	}
	if change.Active != nil {
		operations = append(operations, iam.Patch{
			Op: iam.PatchOpReplace, Path: "active", Value: []map[string]string{{"value": strconv.FormatBool(*change.Active)}},
		})
	}
	if change.Entitlements != nil {
		if len(*change.Entitlements) == 0 {
			operations = append(operations, iam.Patch{Op: iam.PatchOpRemove, Path: "entitlements"})
		} else {
			operations = append(operations, iam.Patch{Op: iam.PatchOpReplace, Path: "entitlements", Value: entitlements(*change.Entitlements)})
		}
	}
	return advise(iam.NewServicePrincipalsV2(c.SDK()).Patch(ctx, iam.PatchServicePrincipalRequest{
		Id: id, Operations: operations, Schemas: []iam.PatchSchema{iam.PatchSchemaUrnIetfParamsScimApiMessages20PatchOp},
	}))
}

// settle reads one back until it shows the wishes: for up to a minute after a write SCIM may still answer with what stood
// before. One request at best.
func settle(ctx context.Context, c *client.Client, id string, want wish) (servicePrincipal, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		sp, err := readServicePrincipal(ctx, c, id)
		if err != nil || want.changes(sp).none() {
			return sp, err
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return sp, errors.New("the service accepted the change and still shows what stood before")
		}
	}
}

// removeServicePrincipal deletes it from the workspace; one that is gone counts as done. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/delete
func removeServicePrincipal(ctx context.Context, c *client.Client, id string) error {
	err := iam.NewServicePrincipalsV2(c.SDK()).Delete(ctx, iam.DeleteServicePrincipalRequest{Id: id})
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	return advise(err)
}

func entitlements(values []string) []iam.ComplexValue {
	var list []iam.ComplexValue
	for _, v := range values {
		list = append(list, iam.ComplexValue{Value: v})
	}
	return list
}

func fromAPI(sp *iam.ServicePrincipal) *servicePrincipal {
	out := &servicePrincipal{
		ID: sp.Id, ApplicationID: sp.ApplicationId, DisplayName: sp.DisplayName, ExternalID: sp.ExternalId, Active: sp.Active,
	}
	for _, e := range sp.Entitlements {
		out.Entitlements = append(out.Entitlements, e.Value)
	}
	slices.Sort(out.Entitlements)
	return out
}

func advise(err error) error {
	if errors.Is(err, client.ErrPermissionDenied) {
		return client.Advise(err, "", "The provider's identity needs to be a workspace admin to manage service principals: add it to the group \"admins\".")
	}
	return err
}
