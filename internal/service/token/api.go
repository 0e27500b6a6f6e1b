package token

import (
	"context"
	"slices"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// listTokens returns the tokens that an owner has now or, without an owner, those of everybody. It sends one request,
// or two for many data sources at once.
func listTokens(ctx context.Context, c *client.Client, owner string) ([]token, error) {
	list, err := c.WorkspaceTokensNow(ctx)
	if err != nil {
		return nil, client.AdviseDenied(err, "Only a workspace admin may list the tokens of the workspace. Add the "+
			"provider's identity to the group \"admins\".")
	}
	if !list.Shown {
		if err := c.ConfirmEmpty(ctx); err != nil {
			return nil, err
		}
	}
	tokens := slices.DeleteFunc(living(list), isForeign(owner))
	if err := client.Bounded(len(tokens), "tokens"); err != nil {
		return nil, client.Advise(err, "", "Set application_id to read the tokens of one service principal.")
	}
	return tokens, nil
}

// nameOwners fills in the display names of the owners. It also fills in the owner of a token that somebody else has
// created, if the list of tokens does not show the owner. It sends one request for service principals and one for
// users, each only if a token needs it, and more than one only above 10,000 service principals or users. For the tokens
// of a single owner it asks for that owner alone.
func nameOwners(ctx context.Context, c *client.Client, tokens []token, owner string) ([]token, error) {
	unknown := slices.ContainsFunc(tokens, func(t token) bool { return t.Kind == "" })
	for _, kind := range []struct {
		name, attribute string
		list            func(context.Context, *client.Client, string) (map[string]principal, error)
	}{
		{servicePrincipal, "applicationId", servicePrincipals},
		{user, "userName", users},
	} {
		if !unknown && !slices.ContainsFunc(tokens, func(t token) bool { return t.Kind == kind.name }) {
			continue
		}
		filter := ""
		if owner != "" && !unknown {
			filter = client.SCIMEquals(kind.attribute, tokens[0].Owner) // the name as the service spells it
		}
		found, err := kind.list(ctx, c, filter)
		if err != nil {
			return tokens, err
		}
		for i := range tokens {
			p, ok := found[tokens[i].OwnerID]
			if !ok {
				continue
			}
			tokens[i].DisplayName = p.displayName
			if tokens[i].Kind == "" {
				tokens[i].Kind, tokens[i].Owner = kind.name, p.name
			}
		}
	}
	return slices.DeleteFunc(tokens, isForeign(owner)), nil
}

// principal is a service principal or a user; its name is the application id or the e-mail address.
type principal struct{ name, displayName string }

func servicePrincipals(ctx context.Context, c *client.Client, filter string) (map[string]principal, error) {
	all, err := c.ServicePrincipals(ctx, filter)
	found := map[string]principal{}
	for _, p := range all {
		found[p.ID] = principal{p.ApplicationID, p.DisplayName}
	}
	return found, err
}

func users(ctx context.Context, c *client.Client, filter string) (map[string]principal, error) {
	all, err := c.Users(ctx, filter)
	found := map[string]principal{}
	for _, p := range all {
		found[p.ID] = principal{p.UserName, p.DisplayName}
	}
	return found, err
}
