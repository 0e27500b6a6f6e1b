package acl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Two runs, each with its own state, may write one access list at the same time. A run that removes a grant reads the
// list and replaces it. This undoes what another run writes between the read and the replacement: a new grant is lost,
// or a revoked one comes back. The run that replaces the list cannot see this, because the service shows it the list
// that it sent. The run whose change was undone can see it: it reads the list again a moment after its write, and
// writes again those of its changes that were undone. Every run does this for its own changes, so no change is lost.

const (
	// watched is how long after its write a change is written again if another run undoes it. A change that is undone
	// later is drift, which the next plan shows.
	watched = 10 * time.Second
	// shortestWait and longestWait bound the pause between a write and the read that checks it. The pause is twice the
	// time that the last write took, because another run that read the list before this write may take that long to
	// send its replacement.
	shortestWait = 150 * time.Millisecond
	longestWait  = time.Second
	// secondLook is the pause before the list is read a second time, after the first read showed another writer.
	secondLook = time.Second
	// mostRestores is how often a run writes its changes again after another run undid them. Then it reports an error.
	mostRestores = 4
	// checkTimeout bounds the read that checks a write. A service that does not answer it is no failure, because the
	// write has succeeded.
	checkTimeout = 10 * time.Second
)

// history is what a run remembers of one access list between its writes. Only the goroutine that writes the list uses
// it.
type history struct {
	changes     map[Principal]ownChange // what this run wrote within the time watched
	last        map[Principal]Level     // the direct grants that the list last showed; nil when unknown
	unchecked   []unchecked             // operations that are written and not checked yet
	writeTook   time.Duration           // how long the last write took
	othersWrote bool                    // whether another run or tool has changed the list
	late        bool                    // whether the next read is the second one, after secondLook
	restores    int                     // how often changes were written again since all changes last held
}

// ownChange is a level that this run granted, or, if Direct is empty, a grant that it removed.
type ownChange struct {
	Entry
	at time.Time
}

// unchecked is an operation whose write succeeded and whose list has not been read again yet, with its outcome and the
// grants that it changed.
type unchecked struct {
	*operation
	outcome
	changed List
}

// recordWrite records the changes of a write, as far as the list after the write shows them. all reports whether after
// is the complete list. Only a complete list shows that a grant was removed.
func (o *accessList) recordWrite(changed List, after view, all bool) {
	if o.changes == nil {
		o.changes = map[Principal]ownChange{}
	}
	for _, e := range changed {
		held, _ := after.find(e.Principal)
		if held.Direct != e.Direct || e.Direct == "" && !all {
			continue
		}
		o.changes[e.Key()] = ownChange{Entry: e, at: time.Now()}
		o.expect(e)
	}
	o.late = false
	if all {
		o.observe(after)
		o.endHeld(after, changed)
	} else {
		o.last = nil
	}
}

// expect applies a change of this run to the list as last seen, so that the change does not look like another writer's.
func (o *accessList) expect(e Entry) {
	switch {
	case o.last == nil:
	case e.Direct == "":
		delete(o.last, e.Key())
	default:
		o.last[e.Key()] = e.Direct
	}
}

// timeWrite records the time that a write took which began at the time began.
func (o *accessList) timeWrite(began time.Time) { o.writeTook = time.Since(began) }

// observe compares the list with the list as this run left it. It returns the changes of this run that were undone. Any
// other difference is recorded as the sign of another writer.
func (o *accessList) observe(now view) (undone List) {
	for key, c := range o.changes {
		if time.Since(c.at) > watched {
			delete(o.changes, key)
		} else if held, _ := now.find(key); held.Direct != c.Direct {
			undone = append(undone, c.Entry)
		}
	}
	slices.SortFunc(undone, func(a, b Entry) int { return strings.Compare(a.String(), b.String()) })
	levels := now.list.directLevels()
	o.othersWrote = o.othersWrote || o.last != nil && !maps.Equal(o.last, levels)
	o.last = levels
	return undone
}

// others reports whether the list may hold a grant that another run is about to remove. Only a run that removes or
// lowers a grant replaces the list, and that grant is in the list until then. So no other run can undo anything if the
// list holds only what this run wrote, the grant of admins, and the grant of the run's own identity.
func (o *accessList) others(c *client.Client) bool {
	if o.last == nil {
		return true
	}
	self := Principal{ServicePrincipal, c.KnownApplicationID()}
	for p, level := range o.last {
		if mine, ok := o.changes[p]; p != admins && !p.Same(self) && (!ok || mine.Direct != level) {
			return true
		}
	}
	return false
}

// endWritten ends an operation whose write succeeded. It does so at once if no other run can undo the write, or if
// other operations of this run wait for the check. Otherwise the operation ends after the list was read again.
func (o *accessList) endWritten(c *client.Client, op *operation, r outcome, changed List) {
	if !o.others(c) {
		o.end(op, r)
		return
	}
	if r.unchecked = o.leaveCheck(op); r.unchecked {
		o.end(op, r)
	} else {
		op.written <- r
	}
	o.unchecked = append(o.unchecked, unchecked{op, r, changed})
}

// endHeld ends the operations whose changes are in the list. It leaves out the operations whose changes were just
// written again, which are in the list again.
func (o *accessList) endHeld(now view, again List) {
	o.unchecked = slices.DeleteFunc(o.unchecked, func(u unchecked) bool {
		held := now.showsAll(u.changed) &&
			!slices.ContainsFunc(u.changed, func(e Entry) bool { return again.has(e.Principal) })
		if held {
			o.endChecked(u)
		}
		return held
	})
}

// endChecked ends an operation whose list was read again. If the operation has already returned, endChecked reports the
// result to the operations that wait for the check.
func (o *accessList) endChecked(u unchecked) {
	if u.outcome.unchecked {
		o.run.checked(u.err)
	} else {
		o.end(u.operation, u.outcome)
	}
}

// endAll ends every operation that waits for a check, and forgets the signs of another writer.
func (o *accessList) endAll() {
	for _, u := range o.unchecked {
		o.endChecked(u)
	}
	o.unchecked, o.othersWrote, o.late, o.restores = nil, false, false, 0
}

// recheck pauses, reads the list again, and writes again the changes that another run undid. It returns early when
// another operation arrives, because the requests of that operation show the list as well, or when no caller waits any
// more.
func (o *accessList) recheck(ctx context.Context, c *client.Client) {
	if !o.waitToRecheck(ctx) {
		return
	}
	reading, cancel := context.WithTimeout(ctx, checkTimeout)
	now, err := o.readNow(reading, c)
	cancel()
	if ctx.Err() != nil {
		return // no caller waits any more
	}
	if err != nil {
		o.list.Forget()
		tflog.Warn(ctx, "the access list could not be read again after a write",
			map[string]any{"object": o.String(), "error": err.Error()})
		o.endAll()
		return
	}
	undone := slices.DeleteFunc(o.observe(now), func(e Entry) bool {
		// One resource of this run revoked the grant, and another resource of this run has found the grant again and
		// adopted it.
		kept := e.Direct == "" && c.Keeps(GrantKey(o.String(), e.Principal))
		if kept {
			delete(o.changes, e.Key())
		}
		return kept
	})
	switch {
	case len(undone) == 0 && (o.late || !o.othersWrote):
		o.endAll()
	case len(undone) == 0:
		o.late = true
	case o.restores == mostRestores:
		o.endUndone(now, undone)
	default:
		o.restores++
		o.restore(ctx, c, now, undone)
	}
}

// waitToRecheck pauses before the list is read again, and reports whether the whole pause is over. Its randomness keeps
// two runs from reading and writing in step for ever.
func (o *accessList) waitToRecheck(ctx context.Context) bool {
	wait := min(max(2*o.writeTook, shortestWait), longestWait)
	if o.late {
		wait = secondLook
	}
	wait += time.Duration(rand.Int64N(int64(wait) * int64(1+o.restores) / 2)) // #nosec G404 -- no secret
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.arrived:
	case <-ctx.Done():
	}
	return false
}

// restore writes again the changes that another run undid.
func (o *accessList) restore(ctx context.Context, c *client.Client, now view, undone List) {
	tflog.Warn(ctx, "another run wrote the same access list and undid these changes; they are written again",
		map[string]any{"object": o.String(), "principals": principalsOf(undone)})
	o.late = false
	r := o.replace(ctx, c, &now, func(list List) (List, any, error) {
		list = slices.DeleteFunc(list, func(e Entry) bool { return undone.has(e.Principal) })
		for _, e := range undone {
			if e.Direct != "" {
				list = append(list, e)
			}
		}
		return list, nil, nil
	}, false)
	if r.err == nil || ctx.Err() != nil {
		return
	}
	if errors.Is(r.err, client.ErrNotFound) {
		if _, err := o.readNow(ctx, c); errors.Is(err, client.ErrNotFound) {
			o.endAll() // the object itself does not exist any more, nor does its list
			return
		}
	}
	o.failUndone(undone, func(List) error { return r.err })
}

// endUndone ends the operations whose changes another run undoes again and again, with an error that names these
// changes.
func (o *accessList) endUndone(now view, undone List) {
	o.failUndone(undone, func(mine List) error {
		var lines []string
		for _, e := range mine {
			held, _ := now.find(e.Principal)
			who := Describe(e.Principal, held.DisplayName)
			switch {
			case e.Direct == "":
				lines = append(lines, fmt.Sprintf("the grant of %s was revoked, and the principal has %s again",
					who, held.Direct))
			case held.Direct == "":
				lines = append(lines, fmt.Sprintf("%s was granted %s, and no longer has it", who, e.Direct))
			default:
				lines = append(lines, fmt.Sprintf("%s was granted %s, and has %s again", who, e.Direct, held.Direct))
			}
		}
		return client.Advise(
			fmt.Errorf("something else keeps changing the same access list: %s, although this run wrote the list "+
				"%d times", strings.Join(lines, "; "), 1+mostRestores),
			"",
			"Another Terraform run, or a tool, writes the same access list. Wait until that run or tool has ended, "+
				"then apply again. Manage each access list in one Terraform state only.",
		)
	})
}

// failUndone ends the operations whose changes were undone. explain returns the error of an operation, given its undone
// changes. If a revoked grant came back after its operation returned, the grant is in no state. So the removals that
// still wait report it.
func (o *accessList) failUndone(undone List, explain func(mine List) error) {
	ended := slices.DeleteFunc(slices.Clone(undone), func(e Entry) bool {
		delete(o.changes, e.Key())
		return e.Direct != "" ||
			slices.ContainsFunc(o.unchecked, func(u unchecked) bool { return u.changed.has(e.Principal) })
	})
	o.unchecked = slices.DeleteFunc(o.unchecked, func(u unchecked) bool {
		mine := slices.DeleteFunc(slices.Clone(undone), func(e Entry) bool { return !u.changed.has(e.Principal) })
		if u.kind != opGrant {
			mine = append(mine, ended...)
		}
		if len(mine) == 0 {
			return false
		}
		u.err = explain(mine)
		o.endChecked(u)
		return true
	})
	o.restores = 0
}

func principalsOf(list List) []string {
	var names []string
	for _, e := range list {
		names = append(names, e.String())
	}
	return names
}
