package acl

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Writes to one list queue: the API has no version to compare, and a PATCH between another's read and PUT would be
// lost. While one is under way those that come wait, and then go together: with ten at a time and an answer in 50 ms, a
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

// object is one access list: the shared copy, and the queue of operations.
type object struct {
	Object
	list client.Cache[view]
	run  *checks // of all lists

	mu      sync.Mutex
	waiting []*operation
	busy    bool
	arrived chan struct{} // an operation has come into the queue

	history
}

type kind int

const (
	opGrant kind = iota
	opRevoke
	opReplace
)

// operation is one change that a resource makes to the list.
type operation struct {
	kind
	principal Principal
	level     Level
	look      bool // read what the principal holds before the grant
	overwrite bool // whatever it holds
	change    change

	done    chan outcome // of one place
	written chan outcome // of one place: the outcome after the list was read again, even if nobody waits for it
	batch   *batch       // once it is under way
	left    bool         // its caller is counted as answered and always gets its outcome. Guarded by the object's mutex
}

// change returns the wanted list, and anything else that its caller wants to know about the list it got. It runs on the
// goroutine that writes, which may outlive the caller, so the two share no variable.
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

	// unchecked is whether the operation ended before the list was read again to check its write: other operations of
	// this run still wait for that check.
	unchecked bool
}

// batch is the operations that are under way together and whose callers still wait. Guarded by the object's mutex.
type batch struct {
	waiting map[*operation]bool
	cancel  context.CancelFunc
}

// grace is how long a cancelled caller still waits for a write that has been sent: without its result, the grant would
// not be recorded in the state.
const grace = 3 * time.Second

// do queues an operation and waits for how it ends.
func (o *object) do(ctx context.Context, c *client.Client, op *operation) outcome {
	o.run.begin()
	r := o.queue(ctx, c, op)
	if r.unchecked {
		return r
	}
	if err := o.run.end(ctx); err != nil && r.err == nil {
		r.err = &UnverifiedError{
			Err: fmt.Errorf("this change is in place, but an earlier change of this run is not: %w", err),
		}
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
	}
	if o.giveUp(op) {
		return <-op.done
	}
	return outcome{err: ctx.Err()}
}

// giveUp ends the wait of a caller that was cancelled. It reports whether the operation has been answered nevertheless.
func (o *object) giveUp(op *operation) (answered bool) {
	o.list.Forget() // the next one must not join a read that hangs
	o.leave(op)
	o.mu.Lock()
	defer o.mu.Unlock()
	return op.left
}

// leaveCheck is [checks.leave] for an operation whose caller still waits: one that has given up is not counted any
// more.
func (o *object) leaveCheck(op *operation) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	op.left = op.batch.waiting[op] && o.run.leave()
	return op.left
}

// end sends the outcome of an operation to its caller.
func (o *object) end(op *operation, r outcome) {
	op.done <- r
	o.leave(op)
}

// leave removes an operation from its batch: it has ended, or its caller has given up. When no caller of a batch waits
// any more, its requests are cancelled.
func (o *object) leave(op *operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if delete(op.batch.waiting, op); len(op.batch.waiting) == 0 {
		op.batch.cancel()
	}
}

// drain writes the queued operations until the queue is empty.
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
		case ops[0].kind == opGrant:
			o.grant(ctx, c, ops)
		case ops[0].kind == opRevoke:
			o.revoke(ctx, c, ops)
		default:
			if r := o.replace(ctx, c, nil, ops[0].change, false); r.err == nil && r.wrote {
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
		if len(ops) == 0 || op.kind == ops[0].kind && op.kind != opReplace && !met[op.principal.Key()] {
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

// readNow reads the list without the shared copy.
func (o *object) readNow(ctx context.Context, c *client.Client) (view, error) {
	o.list.Forget()
	return o.read(ctx, c, client.Lately)
}
