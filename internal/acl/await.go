package acl

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/databricks/databricks-sdk-go/listing"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// await tries again while access lists do not know a principal that the workspace does know: one that was just made
// reaches them late, by minutes at worst. A principal that the workspace does not know either is mistyped, and nothing is
// waited for. One request more, when a write was refused.
func await(ctx context.Context, c *client.Client, object Object, try func() outcome, ps ...Principal) outcome {
	var list List
	for _, p := range ps {
		list = append(list, Entry{Principal: p})
	}
	began := time.Now()
	known := map[Principal]bool{}
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		r := try()
		text, ok := unknownPrincipal(r.err)
		if !ok {
			return r
		}
		p, ok := named(text, list)
		if !ok {
			return r
		}
		if !known[p] {
			there, err := inWorkspace(ctx, c, p)
			if err != nil || !there {
				return r // the refusal says more than why this could not be looked up
			}
			known[p] = true
		}
		tflog.Info(ctx, "waiting for access lists to know a new principal", map[string]any{
			"object": object.String(), "principal": p.String(), "seconds": int(time.Since(began).Seconds()),
		})
		if client.Pause(ctx, pause) != nil {
			r.err = client.Advise(r.err, string(p.Kind), fmt.Sprintf("The workspace knows %s, and after %d seconds its access lists still do not: "+
				"a new principal may take some minutes to reach them. Apply again, or raise create in timeouts.", p, int(time.Since(began).Seconds())))
			return r
		}
	}
}

// inWorkspace asks the directory of the workspace. One request; none for a principal that this run has made.
func inWorkspace(ctx context.Context, c *client.Client, p Principal) (bool, error) {
	// The filters compare without case, and a group's name is compared as it is.
	found := Principal{Kind: p.Kind}
	var err error
	switch p.Kind {
	case ServicePrincipal:
		if c.MadePrincipal(p.Name) {
			return true, nil
		}
		var sp iam.ServicePrincipal
		sp, err = iam.NewServicePrincipalsV2(c.SDK()).List(ctx, iam.ListServicePrincipalsRequest{
			Attributes: "id,applicationId", Count: 1, Filter: "applicationId eq " + strconv.Quote(p.Name)}).Next(ctx)
		found.Name = sp.ApplicationId
	case User:
		var user iam.User
		user, err = iam.NewUsersV2(c.SDK()).List(ctx, iam.ListUsersRequest{
			Attributes: "id,userName", Count: 1, Filter: "userName eq " + strconv.Quote(p.Name)}).Next(ctx)
		found.Name = user.UserName
	case Group:
		var group iam.Group
		group, err = iam.NewGroupsV2(c.SDK()).List(ctx, iam.ListGroupsRequest{
			Attributes: "id,displayName", Count: 1, Filter: "displayName eq " + strconv.Quote(p.Name)}).Next(ctx)
		found.Name = group.DisplayName
	}
	if errors.Is(err, listing.ErrNoMoreItems) {
		return false, nil
	}
	return found.Same(p), err
}
