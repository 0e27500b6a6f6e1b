package acl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Writes to one list queue: the API has no version to compare, and a PATCH between another's read and PUT would be lost.
// While one is under way those that come wait, and then go together: with ten at a time and an answer in 50 ms, a
// thousand grants take some four hundred requests instead of two thousand.

// objects are the lists that a client knows.
type objects struct {
	byID sync.Map // Object → *object
	checks
}

func of(c *client.Client, id Object) *object {
	all := client.Of[objects](c)
	if o, ok := all.byID.Load(id); ok {
		return o.(*object)
	}
	o, _ := all.byID.LoadOrStore(id, &object{Object: id, run: &all.checks, arrived: make(chan struct{}, 1)})
	return o.(*object)
}

// object is one access list: the copy that is shared, and those who want to write.
type object struct {
	Object
	list client.Shared[view]
	run  *checks // of all lists

	mu      sync.Mutex
	waiting []*operation
	busy    bool
	arrived chan struct{} // an operation has come into the queue

	history
}

type kind int

const (
	give kind = iota
	take
	rewrite
)

// operation is what one resource wants of the list.
type operation struct {
	kind
	principal Principal
	level     Level
	look      bool // see what the principal holds before it is given
	overwrite bool // whatever it holds
	change    change

	done    chan outcome // of one place
	written chan outcome // of one place: what it is once the list was read again, and still is where nobody waits for that
	batch   *batch       // once it is under way
}

// change gives the list as it is to be, and whatever else its caller wants to know of the list that it saw. It runs on
// the goroutine that writes, which may outlive the caller, so the two share no variable.
type change func(List) (next List, found any, err error)

// outcome is how an operation ended.
type outcome struct {
	entry   Entry
	wrote   bool
	after   view
	found   any  // what the change found
	changed List // what was written; without a level where a grant was removed
	gone    bool // the object itself is not there
	err     error

	// unchecked says that the list is still to be read again, and that other operations of this run wait for that.
	unchecked bool
}

// batch is who still waits for operations that are under way together. Guarded by the object's mutex.
type batch struct {
	waiting map[*operation]bool
	cancel  context.CancelFunc
}

// grace is how long who was told to stop still waits for a write that has been sent: what it did would be forgotten.
const grace = 3 * time.Second

// do queues an operation and waits for how it ends.
func (o *object) do(ctx context.Context, c *client.Client, op *operation) outcome {
	o.run.begin()
	r := o.queue(ctx, c, op)
	if r.unchecked {
		return r
	}
	if err := o.run.end(ctx); err != nil && r.err == nil {
		r.err = &UnverifiedError{Err: fmt.Errorf("this change holds, and an earlier one of this run does not: %w", err)}
	}
	return r
}

func (o *object) queue(ctx context.Context, c *client.Client, op *operation) outcome {
	op.done, op.written = make(chan outcome, 1), make(chan outcome, 1)
	o.mu.Lock()
	o.waiting = append(o.waiting, op)
	select {
	case o.arrived <- struct{}{}:
	default:
	}
	if !o.busy {
		o.busy = true
		// The work belongs to everybody who waits, so it does not end with the first one's context.
		go o.drain(context.WithoutCancel(ctx), c)
	}
	o.mu.Unlock()

	select {
	case r := <-op.done:
		return r
	case <-ctx.Done():
	}
	o.mu.Lock()
	if i := slices.Index(o.waiting, op); i >= 0 {
		o.waiting = slices.Delete(o.waiting, i, i+1)
		o.mu.Unlock()
		return outcome{err: ctx.Err()}
	}
	o.mu.Unlock()
	select {
	case r := <-op.done:
		return r
	case r := <-op.written:
		o.giveUp(op)
		return r
	case <-time.After(grace):
		o.giveUp(op)
		return outcome{err: ctx.Err()}
	}
}

// giveUp is for a caller that was told to stop.
func (o *object) giveUp(op *operation) {
	o.list.Forget() // the next one must not join a read that hangs
	o.leave(op)
}

// end says how an operation ended to whoever waits for it.
func (o *object) end(op *operation, r outcome) {
	op.done <- r
	o.leave(op)
}

// leave takes an operation out of those that are waited for: it is answered, or its caller has given up. Once nobody
// waits, what is under way is stopped.
func (o *object) leave(op *operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if delete(op.batch.waiting, op); len(op.batch.waiting) == 0 {
		op.batch.cancel()
	}
}

// drain works until nobody waits.
func (o *object) drain(ctx context.Context, c *client.Client) {
	for {
		ctx, cancel := context.WithCancel(ctx)
		o.mu.Lock()
		ops := o.next(cancel)
		if len(ops) == 0 {
			o.nextUnchecked(cancel)
		}
		busy := len(ops) > 0 || len(o.unchecked) > 0
		o.busy = busy
		o.mu.Unlock()
		switch {
		case !busy:
			cancel()
			return
		case len(ops) == 0:
			o.recheck(ctx, c)
		case ops[0].kind == give:
			o.give(ctx, c, ops)
		case ops[0].kind == take:
			o.take(ctx, c, ops)
		default:
			if r := o.rewrite(ctx, c, nil, ops[0].change, false); r.err == nil && r.wrote {
				o.endWritten(c, ops[0], r, r.changed)
			} else {
				o.end(ops[0], r)
			}
		}
		cancel()
	}
}

// next takes the first operation that waits and all that can go with it: of the same kind, and one for each principal.
func (o *object) next(cancel context.CancelFunc) []*operation {
	var ops, rest []*operation
	met := map[Principal]bool{}
	b := &batch{waiting: map[*operation]bool{}, cancel: cancel}
	for _, op := range o.waiting {
		if len(ops) == 0 || op.kind == ops[0].kind && op.kind != rewrite && !met[op.principal.Key()] {
			op.batch = b
			b.waiting[op] = true
			ops = append(ops, op)
		} else {
			rest = append(rest, op)
		}
		met[op.principal.Key()] = true
	}
	o.waiting = rest
	return ops
}

// nextUnchecked gathers the operations that are written and whose callers still wait for the list to be read again.
func (o *object) nextUnchecked(cancel context.CancelFunc) {
	b := &batch{waiting: map[*operation]bool{}, cancel: cancel}
	o.unchecked = slices.DeleteFunc(o.unchecked, func(u unchecked) bool {
		if u.outcome.unchecked {
			return false // its caller has left the check to the others
		}
		waits := u.batch.waiting[u.operation]
		if u.batch = b; waits {
			b.waiting[u.operation] = true
		}
		return !waits
	})
}

func (o *object) read(ctx context.Context, c *client.Client, maxAge time.Duration) (view, error) {
	return o.list.Get(ctx, maxAge, func(ctx context.Context) (view, error) { return get(ctx, c, o.Object) })
}

// readNow leaves every copy aside.
func (o *object) readNow(ctx context.Context, c *client.Client) (view, error) {
	o.list.Forget()
	return o.read(ctx, c, client.Lately)
}

func (o *object) give(ctx context.Context, c *client.Client, ops []*operation) {
	var before view
	var err error
	began := time.Now()
	if slices.ContainsFunc(ops, func(op *operation) bool { return op.look }) {
		before, err = o.read(ctx, c, client.Lately)
		// Nobody is told that nothing needs to be done, or nothing may be, on the strength of a copy.
		if err == nil && before.read.Before(began) && slices.ContainsFunc(ops, func(op *operation) bool { e, _ := before.find(op.principal); return op.look && e.Direct != "" }) {
			before, err = o.readNow(ctx, c)
		}
	}
	var write []*operation
	for _, op := range ops {
		held, _ := before.find(op.principal)
		switch {
		case err != nil:
			o.end(op, outcome{err: err})
		case op.look && held.Direct == op.level:
			delete(o.changes, op.principal.Key()) // a removal of this run that something undid: now it is adopted
			o.end(op, outcome{entry: held})
		case op.look && held.Direct != "" && !op.overwrite:
			o.end(op, outcome{err: &HeldError{Principal: op.principal, DisplayName: held.DisplayName, Level: held.Direct}})
		default:
			write = append(write, op)
		}
	}
	if len(write) > 0 {
		o.upsert(ctx, c, before, write)
	}
}

// upsert writes what was decided. A refusal that one of them may have caused is found out by sending each alone.
func (o *object) upsert(ctx context.Context, c *client.Client, before view, ops []*operation) {
	var entries List
	for _, op := range ops {
		entries = append(entries, Entry{Principal: op.principal, Direct: op.level})
	}
	after, err := o.patch(ctx, c, entries)
	if err != nil {
		o.list.Forget()
		alone := len(ops) > 1 && (errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrInvalid) || errors.Is(err, client.ErrOther))
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
	// The write's answer does not show the grant, so the service is asked once more before anything is believed.
	after, err = o.readNow(ctx, c)
	if err != nil {
		for _, op := range ops {
			o.end(op, outcome{wrote: true, err: &UnverifiedError{Err: err}})
		}
		return
	}
	o.recordWrite(entries, after, true)
	if ops = o.endShown(c, ops, after); len(ops) == 0 {
		return
	}
	// PATCH is not documented to lower a level; a replacement of the whole list is.
	r := o.rewrite(ctx, c, &after, func(now List) (List, any, error) {
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
			mine.err = fmt.Errorf("the service accepted %s for %s and does not show it", op.level, op.principal)
		}
		o.end(op, mine)
	}
}

// endShown ends the operations whose grant the list shows, and gives the others.
func (o *object) endShown(c *client.Client, ops []*operation, shown view) (left []*operation) {
	for _, op := range ops {
		if e, _ := shown.find(op.principal); e.Direct == op.level {
			o.endWritten(c, op, outcome{entry: e, wrote: true}, List{{Principal: op.principal, Direct: op.level}})
		} else {
			left = append(left, op)
		}
	}
	return left
}

// keep makes the answer to an upsert the shared copy when it is the whole list, and drops the copy when it may be a part:
// an answer that lacks what stood before, or shows nothing but what was sent.
func (o *object) keep(before view, sent List, after view) (whole bool) {
	whole = len(after.list) > len(sent)
	for _, e := range before.list {
		if _, still := after.find(e.Principal); !still {
			whole = false
		}
	}
	if whole {
		o.list.Put(after)
	} else {
		o.list.Forget()
	}
	return whole
}

func (o *object) take(ctx context.Context, c *client.Client, ops []*operation) {
	kept := map[*operation]bool{}
	r := o.rewrite(ctx, c, nil, func(now List) (List, any, error) {
		var ps []Principal
		for _, op := range ops {
			// Here, where no other write to the list can come in between: a grant either was noted by now, or is made after this.
			if kept[op] = c.Keeps(Place(o.String(), op.principal)); !kept[op] {
				ps = append(ps, op.principal)
			}
		}
		return now.without(ps...), nil, nil
	}, true)
	if !r.gone && errors.Is(r.err, client.ErrNotFound) {
		// The 404 of a write may speak of a principal in the list instead.
		_, err := o.readNow(ctx, c)
		r.gone = errors.Is(err, client.ErrNotFound)
	}
	if r.gone {
		r.err = nil
	}
	for _, op := range ops {
		mine := outcome{err: r.err}
		e, _ := r.after.find(op.principal)
		_, removed := r.changed.Find(op.principal)
		switch {
		case kept[op]:
			mine.err = client.ErrKept
		case e.Direct != "":
			mine.err = fmt.Errorf("the service accepted the removal of %s and still shows %s", op.principal, e.Direct)
		case mine.err == nil && removed:
			o.endWritten(c, op, mine, List{{Principal: op.principal}})
			continue
		}
		o.end(op, mine)
	}
}

// rewrite reads the list, lets change say what it shall be, and writes that. A write that did not get through is not sent
// again as it is: others may have written meanwhile, so the list is read anew before each try. now is the list where it
// was read just before; whole asks for a replacement even where nobody loses a grant.
func (o *object) rewrite(ctx context.Context, c *client.Client, now *view, change change, whole bool) outcome {
	began := time.Now()
	var tried List // what the writes before this one may have changed
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
		next, found, err := change(slices.Clone(before.list)) // the list itself is shared
		if err != nil {
			return outcome{found: found, err: err}
		}
		if before.showsAll(tried) { // a write of this run was done, and its answer lost
			for _, e := range tried {
				o.expect(e)
			}
		}
		o.observe(before)
		was, shall := before.list.direct(), next.direct()
		if maps.Equal(was, shall) {
			if len(tried) > 0 {
				o.recordWrite(tried, before, true)
			}
			return outcome{after: before, found: found, wrote: try > 1, changed: tried}
		}
		changed := next.beyond(was)
		written := append(before.list.lost(shall), changed...)
		var after view
		if whole || loses(was, shall) {
			after, err = o.put(ctx, c, next, changed)
			asked := err == nil && maps.Equal(after.list.direct(), shall)
			if asked {
				o.list.Put(after)
			} else {
				o.list.Forget() // whatever it shows, it is not the list that was asked for
			}
			if err == nil {
				o.recordWrite(written, after, asked)
			}
		} else if after, err = o.merge(ctx, c, before, changed); err == nil && !after.showsAll(changed) {
			// PATCH is not documented to lower a level. What is replaced is the list as it stands after it: who was granted
			// meanwhile is in that one.
			now, whole = &after, true
			continue
		}
		if err == nil {
			return outcome{after: after, found: found, wrote: true, changed: written}
		}
		tried = written
		var unverified *UnverifiedError
		if errors.As(err, &unverified) || !c.Again(ctx, err, began, try) {
			return outcome{found: found, err: err, wrote: unverified != nil}
		}
	}
}

// merge upserts what changed, and gives the list after it.
func (o *object) merge(ctx context.Context, c *client.Client, before view, changed List) (view, error) {
	after, err := o.patch(ctx, c, changed)
	if err != nil {
		o.list.Forget()
		return view{}, err
	}
	if !o.keep(before, changed, after) {
		if after, err = o.readNow(ctx, c); err != nil {
			return view{}, &UnverifiedError{Err: err}
		}
	}
	o.recordWrite(changed, after, true)
	return after, nil
}

// patch is [patch], and notes how long it takes.
func (o *object) patch(ctx context.Context, c *client.Client, entries List) (view, error) {
	defer o.timeWrite(time.Now())
	return patch(ctx, c, o.Object, entries)
}

// put is [put], and notes how long it takes.
func (o *object) put(ctx context.Context, c *client.Client, entries, changed List) (view, error) {
	defer o.timeWrite(time.Now())
	return put(ctx, c, o.Object, entries, changed)
}

// loses says whether somebody holds a level now and shall not.
func loses(was, shall map[Principal]Level) bool {
	for p := range was {
		if _, stays := shall[p]; !stays {
			return true
		}
	}
	return false
}
