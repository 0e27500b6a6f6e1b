package serviceprincipaltoken

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// before is what the workspace showed before the first token of this run was created.
type before struct {
	client.TokenList
	refused error // why the provider may not list the tokens of others; nil where it may
}

// lookBefore lists every token of the workspace before one is created. That shows whether the provider may see and
// revoke tokens of others, and what interrupted runs left; and the answer has the service's clock, by which the new
// token is marked. One request, shared by every token of the run.
func lookBefore(ctx context.Context, c *client.Client) (before, error) {
	return client.Of[client.Cache[before]](c).Get(ctx, client.AnyAge, func(ctx context.Context) (before, error) {
		list, err := c.WorkspaceTokens(ctx)
		if errors.Is(err, client.ErrPermissionDenied) {
			return before{refused: err}, nil
		}
		return before{TokenList: list}, err
	})
}

// manageable returns an error if the provider could neither see nor revoke a token of the owner. If the provider is the
// owner it can do both; [logIn] has checked that it is, where the configuration says so.
func (b before) manageable(o owner) error {
	if b.refused == nil || o.ProviderIdentity {
		return nil
	}
	return client.Advise(
		b.refused,
		"",
		"The provider could neither see nor revoke the token later: for the tokens of others its identity needs "+
			"to be a workspace admin. Add it to the group \"admins\", or let the provider log in as the owner and "+
			"write use_provider_identity = true. Or set on_unverifiable = \"warn\": then the token is created, and "+
			"no refresh checks it.",
	)
}

// swept remembers the owners whose tokens this run has swept, or found that it cannot.
type swept struct{ sync.Map }

func sweepName(o owner) string { return "sweep of tokens of " + strings.ToLower(o.ApplicationID) }

// beginSweep reports whether interrupted runs seem to have left tokens of the owner. If so, any other creation of a
// token of that owner waits until end is called.
func beginSweep(ctx context.Context, c *client.Client, o owner, seen before) (due bool, end func(), err error) {
	nothing := func() {}
	if len(leftovers(c, seen.TokenList, o)) == 0 {
		return false, nothing, nil
	}
	unlock, err := c.Lock(ctx, sweepName(o))
	if err != nil {
		return false, nothing, err
	}
	if _, done := client.Of[swept](c).Load(sweepName(o)); done {
		unlock()
		return false, nothing, nil
	}
	return true, unlock, nil
}

// leftovers are the tokens of an owner that a list of all tokens shows to be abandoned, and that nothing in this run
// has.
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

// sweep revokes what interrupted runs left of an owner, and returns what it revoked. made is a token of this run of
// which the marker was taken off a moment ago: only where the list shows that one without a marker, a marker on another
// means that nobody recorded it. One list, and one request for each token found.
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
