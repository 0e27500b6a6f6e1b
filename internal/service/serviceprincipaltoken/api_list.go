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

// listing is a list of tokens, and whose.
type listing struct {
	client.TokenList
	own bool // the caller's own alone, because it may not see those of others
}

// tokens is the one list of the run. A caller that may not see the tokens of others gets its own where own allows that:
// where they are those of the owner, which must then be the caller; an empty owner is not known yet. One request,
// shared by every token of the run; one more if only the workspace knows who calls.
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
					" nor as a workspace admin, so it sees other tokens than those of the owner. Log in as the "+
					"owner, or add the provider's identity to the group \"admins\".")
			}
		}
		list, err = c.OwnTokens(ctx)
	}
	if errors.Is(err, client.ErrPermissionDenied) {
		err = client.Advise(err, "", needsAdmin)
	}
	return listing{list, own}, err
}

const needsAdmin = "To see the tokens of others the provider's identity needs to be a workspace admin: add it to the " +
	"group \"admins\"."

// named returns a token by its id, also an expired one.
func (l listing) named(id string) (client.TokenInfo, bool) {
	if i := slices.IndexFunc(l.Tokens, func(t client.TokenInfo) bool { return t.ID == id }); i >= 0 {
		return l.Tokens[i], true
	}
	return client.TokenInfo{}, false
}

// find looks for a token, whether it has expired or not. That a list does not name it proves nothing where the list may
// be no list at all, so a request asks for that very token. A caller who may not send it believes a list that names
// others. No request where the list names the token, else one.
func (l listing) find(ctx context.Context, c *client.Client, id string) (info client.TokenInfo, there bool, err error) {
	if info, there = l.named(id); there {
		return info, true, nil
	}
	switch {
	case l.own && l.Shown:
		return client.TokenInfo{}, false, nil
	case l.own:
		return client.TokenInfo{}, false, client.Advise(
			errors.New("the list of the owner's tokens came empty"),
			"",
			"That is no proof that the token is gone. If it is, replace it without a refresh: terraform apply "+
				"-refresh=false -replace=ADDRESS. To destroy it, terraform destroy -refresh=false -target=ADDRESS.",
		)
	}
	info, err = c.TokenByID(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		return client.TokenInfo{}, false, nil
	}
	return info, err == nil, err
}

// sight is what the workspace shows of the tokens in a state.
type sight struct {
	info         client.TokenInfo
	live         bool
	previousLive bool
}

// look finds the tokens of a state. What the workspace does not show is not taken for gone, and where its clock cannot
// be right, nothing that depends on the time is believed. No request but those of [listing.find].
func look(ctx context.Context, c *client.Client, list listing, state tokenModel) (sight, error) {
	info, there, err := findUnlessOver(ctx, c, list, state)
	if err != nil {
		return sight{}, err
	}
	var previous client.TokenInfo
	var previousThere bool
	if id := state.PreviousTokenID.ValueString(); id != "" {
		if previous, previousThere, err = list.find(ctx, c, id); err != nil {
			return sight{}, err
		}
	}
	at := func(now time.Time) (sight, rotation.Verdict) {
		s := sight{info: info, live: there && liveAt(info, now), previousLive: previousThere && liveAt(previous, now)}
		m := state
		if there {
			m.show(info, "")
		}
		return s, rotation.Judge(m.rotating().Recorded(), rotation.Facts{Now: now, Live: s.live})
	}
	shown, _ := at(list.Now)
	return shown, rotation.CheckClock(list.Now, func(service, machine time.Time) bool {
		there, decided := at(service)
		here, otherwise := at(machine)
		return here.live == there.live && here.previousLive == there.previousLive && decided == otherwise
	})
}

// findUnlessOver looks for the token of a state. One that is over by its own time need not be proved to be gone.
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

// hasExpired reports whether the token of a state has expired by its own expiry time.
func hasExpired(state tokenModel, now time.Time) bool {
	return !state.ExpiresAt.IsNull() && !now.Before(fwkit.ParseTime(state.ExpiresAt))
}

func liveAt(t client.TokenInfo, now time.Time) bool {
	return t.ExpiresAt.IsZero() || t.ExpiresAt.After(now)
}
