package conformance

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// creation is something that the run made: how to remove it, and how to see that it is gone.
type creation struct {
	what   string
	remove func(ctx context.Context) error
	gone   func(ctx context.Context) (bool, error)
}

// made notes a creation, before the request that creates it: its answer may be lost.
func (p *probe) made(c creation) { p.created = append(p.created, c) }

// notMade takes back the newest note, when the request that was to create was refused.
func (p *probe) notMade() { p.created = p.created[:len(p.created)-1] }

// undoTimeout bounds the removal of everything.
const undoTimeout = 5 * time.Minute

// undo removes what the run created, newest first, and reads back that it is gone. It returns what is left.
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

// refusedRemoval is the error of a removal that was answered neither with success nor with 404.
func refusedRemoval(a answer) error {
	switch {
	case a.err != nil:
		return a.err
	case a.ok(), a.status == 404:
		return nil
	}
	return fmt.Errorf("the removal was answered with %s", a)
}
