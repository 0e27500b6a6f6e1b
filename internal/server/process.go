package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Process tracks the changes that the servers of one process are making. If the process ended during a change,
// Terraform would not get the answer, and could not save what is in it, such as the id of a token. Opening an ephemeral
// resource is a change, because the process can revoke a token only if it has the token's id. The zero value is ready
// to use.
type Process struct {
	mu      sync.Mutex
	ending  bool
	changes map[*context.CancelFunc]bool
	ended   time.Time     // when the last change returned its answer
	idle    chan struct{} // closed when no change is under way any more; nil while nobody waits for that
}

// Serve returns a server for a provider, as [New] does. The process tracks the changes that the server makes.
func (p *Process) Serve(served provider.Provider) tfprotov6.ProviderServer {
	s := New(served).(server)
	s.process = p
	return s
}

var errEnding = errors.New("the provider is being terminated, and begins no further change")

// begin registers a change, which ends when done is called. It returns an error if the process is being terminated.
func (p *Process) begin(ctx context.Context) (changing context.Context, done func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return nil, nil, errEnding
	}
	ctx, cancel := context.WithCancel(ctx)
	if p.changes == nil {
		p.changes = map[*context.CancelFunc]bool{}
	}
	p.changes[&cancel] = true
	return ctx, func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.changes, &cancel)
		p.ended = time.Now()
		if p.idle != nil && len(p.changes) == 0 {
			close(p.idle)
			p.idle = nil
		}
	}, nil
}

// sending is how long the process stays after the changes have returned their answers, so that these leave the process.
// They take less time, but 200 ms were too short on a machine with fifteen times more work than processors, and the id
// of a new token was lost. Terraform is mostly terminated as well, and ends the provider before this time is over.
const sending = 2 * time.Second

// Stop forbids new changes and cancels those under way, as an interrupt does. It waits until their answers are sent,
// and the answer of a change that has just ended, but no longer than limit. It returns at once if there is no such
// change.
func (p *Process) Stop(limit time.Duration) {
	over := time.After(limit)
	select {
	case <-p.cancelAll():
	case <-over:
		return
	}
	p.mu.Lock()
	sent := p.ended.Add(sending)
	p.mu.Unlock()
	select {
	case <-time.After(time.Until(sent)):
	case <-over:
	}
}

// cancelAll forbids new changes and cancels those under way. It returns a channel that is closed when none is left.
func (p *Process) cancelAll() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
	idle := make(chan struct{})
	if len(p.changes) == 0 {
		close(idle)
		return idle
	}
	p.idle = idle
	for cancel := range p.changes {
		(*cancel)()
	}
	return idle
}
