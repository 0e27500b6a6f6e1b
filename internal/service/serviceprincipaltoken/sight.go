package serviceprincipaltoken

import (
	"context"
	"fmt"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// sight is what the workspace shows of the tokens in a state.
type sight struct {
	info         client.TokenInfo
	live         bool
	previousLive bool
}

// look finds the tokens of a state. What the workspace does not show is not taken for gone, and where its clock cannot be
// right, nothing that depends on the time is believed. No request but those of [listing.find].
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
	at := func(now time.Time) (sight, verdict) {
		s := sight{info: info, live: there && liveAt(info, now), previousLive: previousThere && liveAt(previous, now)}
		m := state
		if there {
			m.tell(info, "")
		}
		return s, judge(m, facts{Now: now, Live: s.live})
	}
	shown, decided := at(list.Now)
	if clockIsWrong(list.Now) {
		here, elsewise := at(time.Now())
		if here.live != shown.live || here.previousLive != shown.previousLive || decided != elsewise {
			return sight{}, errClock(list.Now)
		}
	}
	return shown, nil
}

// findUnlessOver looks for the token of a state. One that is over by its own time need not be proved to be gone.
func findUnlessOver(ctx context.Context, c *client.Client, list listing, state tokenModel) (client.TokenInfo, bool, error) {
	if _, listed := list.named(state.ID.ValueString()); !listed && !state.ExpiresAt.IsNull() && !list.Now.Before(parsed(state.ExpiresAt)) {
		return client.TokenInfo{}, false, nil
	}
	return list.find(ctx, c, state.ID.ValueString())
}

func liveAt(t client.TokenInfo, now time.Time) bool {
	return t.ExpiresAt.IsZero() || t.ExpiresAt.After(now)
}

func errClock(now time.Time) error {
	return client.Advise(fmt.Errorf("the workspace's clock shows %s, and this machine's %s",
		now.UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339)), "",
		"By one of them the token is due, expired or to be revoked, and by the other it is not, so nothing was decided. "+
			"Set the clock of this machine. If it is right, a proxy on the way changes the Date of answers.")
}
