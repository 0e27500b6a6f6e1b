package acl

import "testing"

// TestWriteOfACallerThatGaveUp checks that a caller that has given up is not counted a second time when its write ends.
// Otherwise the last of the other operations would not wait for the checks.
func TestWriteOfACallerThatGaveUp(t *testing.T) {
	t.Parallel()
	o := &accessList{Object: Endpoint("x"), run: &checks{}}
	o.run.begin()
	o.run.begin()
	op := &operation{done: make(chan outcome, 1), written: make(chan outcome, 1),
		batch: &batch{waiting: map[*operation]bool{}, cancel: func() {}}}
	o.endWritten(nil, op, outcome{wrote: true}, nil)
	if o.run.running != 2 || o.run.owed != 0 {
		t.Errorf("%d operations run, and %d checks are owed", o.run.running, o.run.owed)
	}
}
