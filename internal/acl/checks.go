package acl

import (
	"context"
	"errors"
	"sync"
)

// checks counts the operations of one run and the lists that are still to be read again. An operation whose write is
// done returns before that read while other operations run: these keep the process alive, and the last of them waits
// for every check. So a run that grants on a thousand endpoints waits once, not a hundred times.
type checks struct {
	mu      sync.Mutex
	running int           // operations whose callers wait
	owed    int           // operations that were answered before their list was read again
	failed  []error       // changes of answered operations that were undone in the end
	changed chan struct{} // closed when one of the numbers changes
}

func (r *checks) begin() {
	defer r.lock()()
	r.running++
}

// leave reports whether an operation can be answered before its list is read again, and counts it as answered.
func (r *checks) leave() bool {
	defer r.lock()()
	if r.running < 2 {
		return false
	}
	r.running--
	r.owed++
	return true
}

// checked notes that the list of an answered operation was read again, and whether its change holds.
func (r *checks) checked(err error) {
	defer r.lock()()
	r.owed--
	if err != nil {
		r.failed = append(r.failed, err)
	}
}

// end ends an operation whose own list needs no check any more. The last running operation waits for the checks of all
// others, and returns their failures.
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

// tryEnd ends an operation or returns what to wait for.
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
