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
	running int           // operations whose callers wait
	owed    int           // operations that returned before their list was read again
	failed  []error       // errors about undone changes of operations that had returned
	changed chan struct{} // closed when running or owed changes
}

func (r *checks) begin() {
	defer r.lock()()
	r.running++
}

// leave reports whether an operation can return before its list is read again. If so, it counts the operation as
// returned.
func (r *checks) leave() bool {
	defer r.lock()()
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
	defer r.lock()()
	r.owed--
	if err != nil {
		r.failed = append(r.failed, err)
	}
}

// end ends an operation whose own list needs no further check. The last running operation waits for the checks of all
// returned operations, or until ctx ends, and returns the errors of these checks.
func (r *checks) end(ctx context.Context) error {
	for {
		changed, err := r.tryEnd(ctx.Err() != nil)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// tryEnd ends an operation. The last running operation gets the errors of all failed checks. While checks of other
// operations are outstanding, it does not end: tryEnd then returns a channel that is closed when r.running or r.owed
// changes, and the caller tries again. If stopped is true, the caller cannot wait, and the operation ends at once.
func (r *checks) tryEnd(stopped bool) (changed <-chan struct{}, failed error) {
	defer r.lock()()
	if r.owed > 0 && r.running == 1 && !stopped {
		return r.changed, nil
	}
	if r.running--; r.running == 0 {
		failed, r.failed = errors.Join(r.failed...), nil
	}
	return nil, failed
}

// lock locks the mutex. The returned function unlocks it and, if a counter has changed, wakes the waiting goroutines.
func (r *checks) lock() (unlock func()) {
	r.mu.Lock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	running, owed := r.running, r.owed
	return func() {
		if r.running != running || r.owed != owed {
			close(r.changed)
			r.changed = nil
		}
		r.mu.Unlock()
	}
}
