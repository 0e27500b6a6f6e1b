package acl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Operations on one access list wait in a queue. The API has no version to compare, so a PATCH between the read and the
// PUT of another operation would be lost. Operations that arrive while one is under way are then written together. With
// ten operations at a time and an answer in 50 ms, a thousand grants take some four hundred requests instead of two
// thousand.

// accessLists holds the access lists that a client has used, and the checks that all of them share.
type accessLists struct {
	byID sync.Map // Object → *accessList
	checks
}

// listOf returns the access list of an object; every call for one client and one object returns the same.
func listOf(c *client.Client, id Object) *accessList {
	all := client.PerClient[accessLists](c)
	if o, ok := all.byID.Load(id); ok {
		return o.(*accessList)
	}
	o, _ := all.byID.LoadOrStore(id, &accessList{Object: id, run: &all.checks, arrived: make(chan struct{}, 1)})
	return o.(*accessList)
}

// accessList is one access list, with its shared copy and the queue of operations on it.
type accessList struct {
	Object
	list client.Cache[view]
	run  *checks // shared by all lists

	mu      sync.Mutex
	waiting []*operation
	busy    bool
	arrived chan struct{} // gets a value when an operation enters the queue

	// writing is the context of writes, and of the pauses before they are tried again. It ends when every caller of the
	// operations under way was stopped. Only the goroutine that writes uses it.
	writing context.Context

	history
}

type operationKind int

const (
	opGrant operationKind = iota
	opRevoke
	opReplace
)

// operation is one change that a resource makes to an access list.
type operation struct {
	kind      operationKind
	principal Principal
	level     Level
	readFirst bool // read the principal's level before the grant
	overwrite bool // grant whatever level the principal holds
	change    change

	done     chan outcome // buffered; gets the outcome when the operation ends
	written  chan outcome // buffered; gets the outcome of a successful write before it is checked
	batch    *batch       // the operations that are under way together with this one
	stopped  bool         // the caller's context has ended; guarded by the list's mutex
	answered bool         // the caller counts as answered and always gets the outcome; guarded by the list's mutex
}

// change returns the wanted access list for the list it gets, and anything else that its caller wants to know about
// that list. It runs on the goroutine that writes, which may outlive the caller, so the two must not share variables.
type change func(List) (next List, found any, err error)

// outcome is the result of an operation.
type outcome struct {
	entry   Entry
	wrote   bool
	after   view
	found   any  // what the change function found
	changed List // what was written; an entry without a level is a removed grant
	gone    bool // the object itself does not exist
	err     error

	// unchecked reports whether the operation ended before the list was read again to check its write. Other operations
	// of this run still wait for that check.
	unchecked bool
}

// batch is a set of operations that are under way together. waiting has those whose callers still wait. stop ends the
// writes, except one that was sent and may still be answered; cancel ends all requests. A batch is guarded by the
// list's mutex.
type batch struct {
	waiting      map[*operation]bool
	stop, cancel context.CancelFunc
}

// check stops the writes of the batch if every caller that waits was stopped, and cancels its requests if none waits.
func (b *batch) check() {
	for op := range b.waiting {
		if !op.stopped {
			return
		}
	}
	b.stop()
	if len(b.waiting) == 0 {
		b.cancel()
	}
}

// resultWait is how long a cancelled caller still waits for the result of a write that has been sent. Without the
// result, the grant would not be recorded in the state.
const resultWait = 3 * time.Second

// do queues an operation and returns its outcome. The last running operation of a run also waits for the checks of
// others.
func (o *accessList) do(ctx context.Context, c *client.Client, op *operation) outcome {
	o.run.begin()
	r := o.queue(ctx, c, op)
	if r.unchecked {
		return r
	}
	if err := o.run.end(ctx); err != nil && r.err == nil {
		r.err = &client.UnverifiedError{
			Err: fmt.Errorf("this change was made, but an earlier change of this run is not in place: %w", err),
		}
	}
	return r
}

func (o *accessList) queue(ctx context.Context, c *client.Client, op *operation) outcome {
	if ctx.Err() != nil {
		return outcome{err: ctx.Err()}
	}
	op.done, op.written = make(chan outcome, 1), make(chan outcome, 1)
	o.mu.Lock()
	o.waiting = append(o.waiting, op)
	select {
	case o.arrived <- struct{}{}:
	default:
	}
	if !o.busy {
		o.busy = true
		// The goroutine works for all callers that wait, so it must not end with the context of the first caller.
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
	op.stopped = true
	op.batch.check()
	o.mu.Unlock()
	select {
	case r := <-op.done:
		return r
	case r := <-op.written:
		o.giveUp(op)
		return r
	case <-time.After(resultWait):
	}
	if o.giveUp(op) {
		return <-op.done
	}
	return outcome{err: ctx.Err()}
}

// giveUp ends the wait of a cancelled caller. It reports whether the operation already counts as answered, so that its
// outcome must be returned.
func (o *accessList) giveUp(op *operation) (answered bool) {
	o.list.Forget() // the next operation must not join a read that hangs
	o.leave(op)
	o.mu.Lock()
	defer o.mu.Unlock()
	return op.answered
}

// leaveCheck reports whether an operation can return before its list is read again; see [checks.leave]. It returns
// false if the caller has given up, because such an operation is no longer counted.
func (o *accessList) leaveCheck(op *operation) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	op.answered = op.batch.waiting[op] && o.run.leave()
	return op.answered
}

// end sends the outcome of an operation to its caller.
func (o *accessList) end(op *operation, r outcome) {
	op.done <- r
	o.leave(op)
}

// leave removes an operation from its batch, because the operation has ended or its caller has given up.
func (o *accessList) leave(op *operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(op.batch.waiting, op)
	op.batch.check()
}

// errNobodyWaits is the cause with which the requests of a batch are cancelled. Its callers have waited for the answer
// long enough, so the client ends the requests at once.
var errNobodyWaits = errors.New("no caller waits any more")

// drain writes the queued operations, and then checks them, until the queue is empty and nothing is left to check.
func (o *accessList) drain(ctx context.Context, c *client.Client) {
	for {
		ctx, end := context.WithCancelCause(ctx)
		b := &batch{waiting: map[*operation]bool{}, cancel: func() { end(errNobodyWaits) }}
		o.writing, b.stop = context.WithCancel(ctx)
		o.mu.Lock()
		ops := o.next(b)
		if len(ops) == 0 {
			o.nextUnchecked(b)
		}
		busy := len(ops) > 0 || len(o.unchecked) > 0
		o.busy = busy
		o.mu.Unlock()
		switch {
		case !busy:
			b.cancel()
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
		b.cancel()
	}
}

// next moves from the queue to the batch the first operation and all others that can be written with it: those of the
// same kind, at most one per principal. A replacement is written alone.
func (o *accessList) next(b *batch) []*operation {
	var ops, rest []*operation
	met := map[Principal]bool{}
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

// nextUnchecked moves to the batch the written operations whose callers wait for the check, and drops those whose
// callers have given up.
func (o *accessList) nextUnchecked(b *batch) {
	o.unchecked = slices.DeleteFunc(o.unchecked, func(u unchecked) bool {
		if u.outcome.unchecked {
			return false // its caller has returned, and other operations wait for the check
		}
		waits := u.batch.waiting[u.operation]
		if u.batch = b; waits {
			b.waiting[u.operation] = true
		}
		return !waits
	})
}

func (o *accessList) read(ctx context.Context, c *client.Client, maxAge time.Duration) (view, error) {
	return o.list.Get(ctx, maxAge, func(ctx context.Context) (view, error) { return o.get(ctx, c) })
}

// readNow reads the list from the service, even if there is a shared copy.
func (o *accessList) readNow(ctx context.Context, c *client.Client) (view, error) {
	o.list.Forget()
	return o.read(ctx, c, client.RecentAge)
}
