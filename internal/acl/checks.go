package acl

import (
	"context"
	"errors"
	"sync"
)

// checks counts the running operations of one run, and the access lists that must still be read again after a write. An
// operation whose write is done returns before that read if other operations are running. These keep the process alive,
// and the last of them waits for all reads. So a run that grants on a thousand endpoints waits once, not a hundred
// times.
type checks struct {
	mu      sync.Mutex
	running int       // operations whose callers wait
	owed    int       // operations that returned before their list was read again
	failed  []error   // errors about undone changes of operations that had returned
	changed sync.Cond // wakes the last operation
}

func (r *checks) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running++
	r.changed.Broadcast() // an operation that waited is not the last one any more
}

// leave reports whether an operation can return before its list is read again. If so, it counts the operation as
// returned.
func (r *checks) leave() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running < 2 {
		return false
	}
	r.running--
	r.owed++
	return true
}

// checked records that the list of a returned operation was read again. err is nil if the operation's change is in the
// list.
func (r *checks) checked(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owed--
	if err != nil {
		r.failed = append(r.failed, err)
	}
	r.changed.Broadcast()
}

// end ends an operation whose own list needs no further check. The last running operation waits for the checks of all
// returned operations, or until ctx ends, and returns the errors of these checks.
func (r *checks) end(ctx context.Context) (failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed.L == nil {
		r.changed.L = &r.mu
	}
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop()
	for r.owed > 0 && r.running == 1 && ctx.Err() == nil {
		r.changed.Wait()
	}
	if r.running--; r.running == 0 {
		failed, r.failed = errors.Join(r.failed...), nil
	}
	return failed
}
