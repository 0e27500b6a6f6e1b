package serviceprincipaltoken

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// before is what the workspace showed before this run created its first token.
type before struct {
	client.TokenList
	refused error // why the provider may not list the tokens of others; nil if it may
}

// lookBefore lists every token of the workspace before a token is created. The list shows whether the provider may see
// and revoke the tokens of others, and which tokens interrupted runs have left behind. Its answer also shows the
// service's clock, which the marker of the new token needs. lookBefore sends one request, which every token of the run
// shares.
func lookBefore(ctx context.Context, c *client.Client) (before, error) {
	return client.PerClient[client.Cache[before]](c).Get(ctx, client.AnyAge, func(ctx context.Context) (before, error) {
		list, err := c.WorkspaceTokens(ctx)
		if errors.Is(err, client.ErrPermissionDenied) {
			return before{refused: err}, nil
		}
		return before{TokenList: list}, err
	})
}

// manageable returns an error if the provider could neither see nor revoke a token of the owner. If the provider is the
// owner, it can do both. [logIn] has checked that it is the owner, if the configuration says so.
func (b before) manageable(o owner) error {
	if b.refused == nil || o.ProviderIdentity {
		return nil
	}
	return client.Advise(
		b.refused,
		"",
		"The provider would not be able to see or revoke this token later, because only a workspace admin may see "+
			"the tokens of others. Add the provider's identity to the group \"admins\". Or log the provider in as the "+
			"token's owner, and write use_provider_identity = true. Or set on_unverifiable = \"warn\": the token is "+
			"then created, but no refresh checks whether it still exists.",
	)
}

// swept remembers the owners whose leftover tokens this run has already revoked, or has found that it cannot revoke.
type swept struct{ sync.Map }

func sweepName(o owner) string { return "sweep of tokens of " + strings.ToLower(o.ApplicationID) }

// beginSweep reports whether interrupted runs seem to have left tokens of the owner behind that this run must revoke.
// If so, every other creation of a token for the same owner waits until end is called.
func beginSweep(ctx context.Context, c *client.Client, o owner, seen before) (due bool, end func(), err error) {
	nothing := func() {}
	if len(leftovers(c, seen.TokenList, o)) == 0 {
		return false, nothing, nil
	}
	unlock, err := c.Lock(ctx, sweepName(o))
	if err != nil {
		return false, nothing, err
	}
	if _, done := client.PerClient[swept](c).Load(sweepName(o)); done {
		unlock()
		return false, nothing, nil
	}
	return true, unlock, nil
}

// leftovers returns the tokens of an owner that are abandoned according to a list of all tokens, and that this run does
// not use. It returns none if the service's clock cannot be right.
func leftovers(c *client.Client, list client.TokenList, o owner) []client.TokenInfo {
	if rotation.ClockIsWrong(list.Now) {
		return nil
	}
	var found []client.TokenInfo
	for _, t := range list.Tokens {
		if strings.EqualFold(list.Owner(t), o.ApplicationID) && t.Abandoned(list.Now) && !c.KeepsToken(t.ID) {
			found = append(found, t)
		}
	}
	return found
}

// sweep revokes the tokens that interrupted runs have left behind for an owner, and returns the revoked tokens. made is
// the id of a token whose marker this run has just removed. If the list shows that token without a marker, then a
// marker on another token means that no run has recorded that other token. Otherwise sweep revokes nothing. It sends
// one request to list the tokens, and one per token that it finds.
func sweep(ctx context.Context, c, as *client.Client, o owner, made string) (revoked []client.TokenInfo, err error) {
	list, err := c.WorkspaceTokens(ctx)
	if err != nil {
		return nil, err
	}
	if t, shown := list.ByID(made); !shown || t.Comment != client.Unmark(t.Comment) {
		return nil, nil
	}
	for _, t := range leftovers(c, list, o) {
		found, revokeErr := as.RevokeIfOwn(ctx, t.ID)
		if found && revokeErr == nil {
			revoked = append(revoked, t)
		}
		err = errors.Join(err, revokeErr)
	}
	return revoked, err
}
