package acl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

func (o *accessList) grant(ctx context.Context, c *client.Client, ops []*operation) {
	var before view
	var err error
	began := time.Now()
	if slices.ContainsFunc(ops, func(op *operation) bool { return op.readFirst }) {
		before, err = o.read(ctx, c, client.RecentAge)
		// A copy may be out of date, so read the list before a write is skipped or refused because of a grant in the
		// copy.
		holds := func(op *operation) bool { e, _ := before.find(op.principal); return op.readFirst && e.Direct != "" }
		if err == nil && before.read.Before(began) && slices.ContainsFunc(ops, holds) {
			before, err = o.readNow(ctx, c)
		}
	}
	var write []*operation
	for _, op := range ops {
		held, _ := before.find(op.principal)
		switch {
		case err != nil:
			o.end(op, outcome{err: err})
		case op.readFirst && held.Direct == op.level:
			delete(o.changes, op.principal.Key()) // the grant came back after a removal: adopt it
			o.end(op, outcome{entry: held})
		case op.readFirst && held.Direct != "" && !op.overwrite:
			o.end(op, outcome{err: &HeldError{op.principal, held.DisplayName, held.Direct}})
		default:
			write = append(write, op)
		}
	}
	if len(write) > 0 {
		o.upsert(ctx, c, before, write)
	}
}

// upsert writes grants by PATCH. If the service refuses several grants together, upsert sends each grant alone, to find
// out which of them it refuses.
func (o *accessList) upsert(ctx context.Context, c *client.Client, before view, ops []*operation) {
	var entries List
	for _, op := range ops {
		entries = append(entries, Entry{Principal: op.principal, Direct: op.level})
	}
	after, err := o.patch(c, entries)
	if shown, ok := o.finalRead(ctx, c, err); ok {
		o.recordWrite(entries, shown, true)
		ops = o.endShown(c, ops, shown)
	}
	if err != nil {
		o.list.Forget()
		alone := len(ops) > 1 &&
			(errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrInvalid) || errors.Is(err, client.ErrOther))
		for _, op := range ops {
			if alone {
				o.upsert(ctx, c, view{}, []*operation{op})
			} else {
				o.end(op, outcome{err: err})
			}
		}
		return
	}
	o.recordWrite(entries, after, o.keep(before, entries, after))
	if ops = o.endShown(c, ops, after); len(ops) == 0 {
		return
	}
	// The answer to the write does not show the grant, so read the list before success is reported.
	after, err = o.readNow(ctx, c)
	if err != nil {
		for _, op := range ops {
			o.end(op, outcome{wrote: true, err: &client.UnverifiedError{Err: err}})
		}
		return
	}
	o.recordWrite(entries, after, true)
	if ops = o.endShown(c, ops, after); len(ops) == 0 {
		return
	}
	// PATCH is not documented to lower a level, but a replacement of the whole list by PUT is.
	r := o.replace(ctx, c, &after, func(now List) (List, any, error) {
		for _, op := range ops {
			now = append(now.without(op.principal), Entry{Principal: op.principal, Direct: op.level})
		}
		return now, nil, nil
	}, true)
	if r.err == nil {
		ops = o.endShown(c, ops, r.after)
	}
	for _, op := range ops {
		mine := r
		if mine.err == nil {
			mine.err = fmt.Errorf("the service accepted the grant of %s to %s, but its access list does not show the "+
				"grant", op.level, op.principal)
		}
		o.end(op, mine)
	}
}

// finalRead reads the list after a write that may have been done in spite of its error, and reports whether the list
// was read. A grant that exists in spite of the error must be recorded in the state, or no destroy would remove it.
// finalRead does not read if no caller waits any more.
func (o *accessList) finalRead(ctx context.Context, c *client.Client, failed error) (shown view, ok bool) {
	if !client.MayBeDone(failed) || ctx.Err() != nil {
		return view{}, false
	}
	reading, cancel := client.FinalReadContext(ctx)
	defer cancel()
	shown, err := o.readNow(reading, c)
	return shown, err == nil
}

// endShown ends the operations whose grants are in the list, and returns the other operations.
func (o *accessList) endShown(c *client.Client, ops []*operation, shown view) (left []*operation) {
	for _, op := range ops {
		if e, _ := shown.find(op.principal); e.Direct == op.level {
			o.endWritten(c, op, outcome{entry: e, wrote: true}, List{{Principal: op.principal, Direct: op.level}})
		} else {
			left = append(left, op)
		}
	}
	return left
}

// keep stores the answer to an upsert as the shared copy of the list, if the answer is the complete list, and reports
// whether it is. If the answer lacks an earlier grant, or shows only what was sent, it may be a part of the list. keep
// then drops the shared copy.
func (o *accessList) keep(before view, sent List, after view) (complete bool) {
	complete = len(after.list) > len(sent)
	for _, e := range before.list {
		if _, still := after.find(e.Principal); !still {
			complete = false
		}
	}
	if complete {
		o.list.Put(after)
	} else {
		o.list.Forget()
	}
	return complete
}

func (o *accessList) revoke(ctx context.Context, c *client.Client, ops []*operation) {
	kept := map[*operation]bool{}
	r := o.replace(ctx, c, nil, func(now List) (List, any, error) {
		var ps []Principal
		for _, op := range ops {
			// No other write of this process to the list can come between this check and the removal. If another
			// resource of this run needs the grant, it has already recorded that, or it writes the grant after the
			// removal.
			if kept[op] = c.Keeps(GrantKey(o.String(), op.principal)); !kept[op] {
				ps = append(ps, op.principal)
			}
		}
		return now.without(ps...), nil, nil
	}, true)
	if !r.gone && errors.Is(r.err, client.ErrNotFound) {
		// The 404 may mean a principal in the list instead of the object, so read the list to find out.
		_, err := o.readNow(ctx, c)
		r.gone = errors.Is(err, client.ErrNotFound)
	}
	if r.gone {
		r.err = nil
	}
	for _, op := range ops {
		mine := outcome{err: r.err}
		e, _ := r.after.find(op.principal)
		switch {
		case kept[op]:
			mine.err = client.ErrKept
		case e.Direct != "":
			mine.err = fmt.Errorf("the service accepted that the grant of %s was revoked, but its access list still "+
				"shows %s", op.principal, e.Direct)
		case mine.err == nil && r.changed.has(op.principal):
			o.endWritten(c, op, mine, List{{Principal: op.principal}})
			continue
		}
		o.end(op, mine)
	}
}

// replace reads the list, gets the wanted list from change, and writes the wanted list. If a write fails, replace reads
// the list again before the next try, because others may have written meanwhile. now is the list if the caller has just
// read it, else nil. forcePut demands a PUT even if no grant is removed.
func (o *accessList) replace(ctx context.Context, c *client.Client, now *view, change change, forcePut bool) outcome {
	began := time.Now()
	var tried List // what the earlier writes of this loop may have changed
	for try := 1; ; try++ {
		if now == nil {
			read, err := o.readNow(ctx, c)
			if err != nil {
				return outcome{err: err, gone: errors.Is(err, client.ErrNotFound)}
			}
			now = &read
			o.endHeld(read, nil)
		}
		before := *now
		now = nil
		next, found, err := change(slices.Clone(before.list)) // a copy, because others share the list
		if err != nil {
			return outcome{found: found, err: err}
		}
		if before.showsAll(tried) { // an earlier write was done, and its answer was lost
			for _, e := range tried {
				o.expect(e)
			}
		}
		o.observe(before)
		old, wanted := before.list.directLevels(), next.directLevels()
		if maps.Equal(old, wanted) {
			if len(tried) > 0 {
				o.recordWrite(tried, before, true)
			}
			return outcome{after: before, found: found, wrote: try > 1, changed: tried}
		}
		changed, lost := next.changedFrom(old), before.list.removedIn(wanted)
		written := slices.Concat(lost, changed)
		var after view
		if forcePut || len(lost) > 0 {
			after, err = o.put(ctx, c, next, changed)
			asked := err == nil && maps.Equal(after.list.directLevels(), wanted)
			if asked {
				o.list.Put(after)
			} else {
				o.list.Forget() // the answer does not show the list that was sent
			}
			if err == nil {
				o.recordWrite(written, after, asked)
			}
		} else if after, err = o.merge(ctx, c, before, changed); err == nil && !after.showsAll(changed) {
			// PATCH is not documented to lower a level. So the list after the PATCH, which has the grants that others
			// added meanwhile, is changed once more and replaced by PUT.
			now, forcePut = &after, true
			continue
		}
		if err == nil {
			return outcome{after: after, found: found, wrote: true, changed: written}
		}
		tried = written
		if client.IsUnverified(err) {
			return outcome{found: found, err: err, wrote: true}
		}
		if c.Again(o.writing, err, began, try) {
			continue
		}
		if shown, ok := o.finalRead(ctx, c, err); ok && shown.showsAll(written) {
			o.recordWrite(written, shown, true)
			return outcome{after: shown, found: found, wrote: true, changed: written}
		}
		return outcome{found: found, err: err}
	}
}

// merge upserts the changed grants, and returns the complete list after the write. One request, and a second one if the
// answer may be incomplete.
func (o *accessList) merge(ctx context.Context, c *client.Client, before view, changed List) (view, error) {
	after, err := o.patch(c, changed)
	if err != nil {
		o.list.Forget()
		return view{}, err
	}
	if !o.keep(before, changed, after) {
		if after, err = o.readNow(ctx, c); err != nil {
			return view{}, &client.UnverifiedError{Err: err}
		}
	}
	o.recordWrite(changed, after, true)
	return after, nil
}
