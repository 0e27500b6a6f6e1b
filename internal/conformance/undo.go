package conformance

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// creation is an object that the run created, with a function that removes it and a function that reports whether it no
// longer exists.
type creation struct {
	what   string
	remove func(ctx context.Context) error
	gone   func(ctx context.Context) (bool, error)
}

// made records a creation. It must be called before the request that creates the object, because the answer to that
// request may be lost.
func (p *probe) made(c creation) { p.created = append(p.created, c) }

// notMade removes the newest recorded creation, after the service refused the request that should have created the
// object.
func (p *probe) notMade() { p.created = p.created[:len(p.created)-1] }

// undoTimeout is the time limit for the removal of all objects that a run created.
const undoTimeout = 5 * time.Minute

// undo removes the objects that the run created, newest first, and reads back that they no longer exist. It returns
// descriptions of the objects whose removal it could not confirm.
func (p *probe) undo(ctx context.Context) (left []string) {
	if len(p.created) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	p.writing = true
	for _, c := range slices.Backward(p.created) {
		removed := c.remove(ctx)
		var readBack error
		_, gone := p.eventually(ctx, func() bool {
			var is bool
			is, readBack = c.gone(ctx)
			return is && readBack == nil
		})
		if gone {
			continue
		}
		why := "it is still there"
		for _, err := range []error{readBack, removed} {
			if err != nil {
				why = err.Error()
			}
		}
		left = append(left, p.scrub(fmt.Sprintf("%s: %s", c.what, why)))
	}
	return left
}

// refusedRemoval returns an error if the answer to a removal is neither a success nor a 404.
func refusedRemoval(a answer) error {
	switch {
	case a.err != nil:
		return a.err
	case a.ok(), a.status == 404:
		return nil
	}
	return fmt.Errorf("the removal was answered with %s", a)
}
