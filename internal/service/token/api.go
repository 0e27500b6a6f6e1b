package token

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/databricks/databricks-sdk-go/httpclient"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// listTokens lists the tokens of an owner, or of everybody. One request, shared by the run.
func listTokens(ctx context.Context, c *client.Client, owner string) ([]token, error) {
	list, err := c.WorkspaceTokens(ctx)
	if errors.Is(err, client.ErrPermissionDenied) {
		return nil, client.Advise(err, "", "To list the tokens of the workspace the provider's identity needs to be a workspace admin: add it to the group \"admins\".")
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(living(list), stranger(owner)), nil
}

// nameOwners fills in display names, and who owns a token that somebody else has made where the list of tokens does not
// tell. One request for service principals and one for users, each only where there is one to name (more above 10,000 of
// them); with the tokens of a single owner it asks for that one.
func nameOwners(ctx context.Context, c *client.Client, tokens []token, owner string) ([]token, error) {
	unknown := slices.ContainsFunc(tokens, func(t token) bool { return t.Kind == "" })
	for kind, of := range map[string]struct{ collection, attribute string }{
		servicePrincipal: {"ServicePrincipals", "applicationId"},
		user:             {"Users", "userName"},
	} {
		if !unknown && !slices.ContainsFunc(tokens, func(t token) bool { return t.Kind == kind }) {
			continue
		}
		filter := ""
		if owner != "" && !unknown {
			filter = of.attribute + " eq " + strconv.Quote(tokens[0].Owner) // as the service spells it
		}
		found, err := principals(ctx, c, of.collection, filter)
		if err != nil {
			return tokens, err
		}
		for i := range tokens {
			p, ok := found[tokens[i].OwnerID]
			if !ok {
				continue
			}
			tokens[i].DisplayName = p.DisplayName
			if tokens[i].Kind == "" {
				tokens[i].Kind, tokens[i].Owner = kind, cmp.Or(p.ApplicationID, p.UserName)
			}
		}
	}
	return slices.DeleteFunc(tokens, stranger(owner)), nil
}

// principal is a service principal or a user.
type principal struct{ ID, DisplayName, ApplicationID, UserName string }

const pageSize = 10_000

// principals are those of a SCIM collection by id. One request a page: it is asked without the SDK, whose pager reads on
// until a page is empty and so needs two for a single one.
// https://docs.databricks.com/api/azure/workspace/serviceprincipals/list
// https://docs.databricks.com/api/azure/workspace/users/list
func principals(ctx context.Context, c *client.Client, collection, filter string) (map[string]principal, error) {
	found := map[string]principal{}
	for start := 1; ; {
		query := url.Values{"attributes": {"id,displayName,userName"}, "startIndex": {strconv.Itoa(start)}, "count": {strconv.Itoa(pageSize)}}
		if filter != "" {
			query.Set("filter", filter)
		}
		headers := map[string]string{"Accept": "application/json"}
		if id := c.SDK().Config.WorkspaceID; id != "" {
			headers["X-Databricks-Workspace-Id"] = id
		}
		var body bytes.Buffer
		err := c.SDK().ApiClient().Do(ctx, http.MethodGet, "/api/2.0/preview/scim/v2/"+collection+"?"+query.Encode(),
			httpclient.WithRequestHeaders(headers), httpclient.WithResponseUnmarshal(&body))
		if err != nil {
			return nil, err
		}
		var page struct {
			TotalResults int
			Resources    []principal
		}
		if err := json.Unmarshal(body.Bytes(), &page); err != nil {
			return nil, fmt.Errorf("the list of %s is not what SCIM says it is: %w", collection, err)
		}
		for _, r := range page.Resources {
			found[r.ID] = r
		}
		start += len(page.Resources)
		if len(page.Resources) == 0 || start > page.TotalResults {
			return found, nil
		}
	}
}
