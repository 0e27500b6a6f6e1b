package serviceprincipaltoken

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// listing is a list of tokens. It also says whose tokens these are.
type listing struct {
	client.TokenList
	own bool // only the caller's own tokens, because the caller may not see the tokens of others
}

// tokens returns the list of all tokens of the workspace. If the caller may not see the tokens of others and own is
// true, it returns the list of the caller's own tokens instead. Then the caller must be the owner with the id ownerID;
// an empty ownerID means that the owner is not known yet. It sends one request, which every token of the run shares,
// and one more if only the workspace knows who the caller is.
func tokens(ctx context.Context, c *client.Client, own bool, ownerID string) (listing, error) {
	list, err := c.WorkspaceTokens(ctx)
	if !errors.Is(err, client.ErrPermissionDenied) {
		return listing{TokenList: list}, err
	}
	if own {
		if ownerID != "" {
			if isOwner, selfErr := c.IsSelf(ctx, ownerID); selfErr != nil {
				return listing{}, selfErr
			} else if !isOwner {
				return listing{}, client.Advise(err, "", "The provider is logged in neither as the owner "+ownerID+
					" nor as a workspace admin, so it cannot see the owner's tokens. Log the provider in as the "+
					"owner, or add the provider's identity to the group \"admins\".")
			}
		}
		list, err = c.OwnTokens(ctx)
	}
	return listing{list, own}, client.AdviseDenied(err, needsAdmin)
}

const needsAdmin = "Only a workspace admin may see the tokens of others. Add the provider's identity to the group " +
	"\"admins\"."

// named returns the token with this id from the list, even if the token has expired.
func (l listing) named(id string) (client.TokenInfo, bool) {
	if i := slices.IndexFunc(l.Tokens, func(t client.TokenInfo) bool { return t.ID == id }); i >= 0 {
		return l.Tokens[i], true
	}
	return client.TokenInfo{}, false
}

// find returns the token with this id, even if it has expired, and reports whether it exists. A list without the token
// proves nothing, because the answer may have been no list at all. So find asks the service for that very token. A
// caller who sees only its own tokens may not send that request. For such a caller the token does not exist if the list
// names other tokens; an empty list is an error. find sends no request if the list names the token, and otherwise one.
func (l listing) find(ctx context.Context, c *client.Client, id string) (info client.TokenInfo, there bool, err error) {
	if info, there = l.named(id); there {
		return info, true, nil
	}
	switch {
	case l.own && l.Shown:
		return client.TokenInfo{}, false, nil
	case l.own:
		return client.TokenInfo{}, false, client.Advise(
			errors.New("the workspace returned an empty list of the owner's tokens"),
			"",
			"An empty list does not prove that the token was revoked. If it was, replace the resource without a "+
				"refresh: terraform apply -refresh=false -replace=ADDRESS. To destroy it, run terraform destroy "+
				"-refresh=false -target=ADDRESS.",
		)
	}
	info, err = c.TokenByID(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		return client.TokenInfo{}, false, nil
	}
	return info, err == nil, err
}

// listed is what the workspace shows of the current and the previous token of a state.
type listed struct {
	info         client.TokenInfo
	live         bool
	previousLive bool
}

// lookUpTokens finds the current and the previous token of a state, and reports whether they are live. It returns an
// error if it cannot be known whether a token exists. It also returns an error if the workspace's clock cannot be right
// and the result depends on the time. It sends only the requests of [listing.find].
func lookUpTokens(ctx context.Context, c *client.Client, list listing, state tokenModel) (listed, error) {
	info, there, err := findUnlessOver(ctx, c, list, state)
	if err != nil {
		return listed{}, err
	}
	var previous client.TokenInfo
	var previousThere bool
	if id := state.PreviousTokenID.ValueString(); id != "" {
		if previous, previousThere, err = list.find(ctx, c, id); err != nil {
			return listed{}, err
		}
	}
	at := func(now time.Time) (listed, rotation.Verdict) {
		s := listed{info: info, live: there && liveAt(info, now), previousLive: previousThere && liveAt(previous, now)}
		m := state
		if there {
			m.show(info, "")
		}
		return s, rotation.Judge(m.Rotating().Recorded(), rotation.Facts{Now: now, Live: s.live})
	}
	shown, _ := at(list.Now)
	return shown, rotation.CheckClock(list.Now, func(service, machine time.Time) bool {
		there, decided := at(service)
		here, otherwise := at(machine)
		return here.live == there.live && here.previousLive == there.previousLive && decided == otherwise
	})
}

// findUnlessOver finds the current token of a state. If the list lacks the token and its expiry time has passed, the
// token counts as gone, and no request proves that.
func findUnlessOver(
	ctx context.Context,
	c *client.Client,
	list listing,
	state tokenModel,
) (client.TokenInfo, bool, error) {
	if _, listed := list.named(state.ID.ValueString()); !listed && hasExpired(state, list.Now) {
		return client.TokenInfo{}, false, nil
	}
	return list.find(ctx, c, state.ID.ValueString())
}

// hasExpired reports whether the expiry time that the state records for its token has passed.
func hasExpired(state tokenModel, now time.Time) bool {
	return !state.ExpiresAt.IsNull() && !now.Before(fwkit.ParseTime(state.ExpiresAt))
}

func liveAt(t client.TokenInfo, now time.Time) bool {
	return t.ExpiresAt.IsZero() || t.ExpiresAt.After(now)
}
