package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Process is what the servers of one process change at this moment. A process that ended in the middle of a change
// would take the answer with it, and with the answer what Terraform would have saved: the id of a token, for example.
// The zero value is ready.
type Process struct {
	mu      sync.Mutex
	ending  bool
	changes map[*context.CancelFunc]bool
	ended   time.Time     // of the last change that returned its answer
	idle    chan struct{} // closed when there is no change any more; nil while nobody waits for that
}

// Serve serves a provider as [New] does.
func (p *Process) Serve(served provider.Provider) tfprotov6.ProviderServer {
	s := New(served).(server)
	s.process = p
	return s
}

var errEnding = errors.New("the provider is being terminated, and begins no further change")

// begin registers a change, which ends when done is called.
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

// sending is how long the last answers may take to leave the process after the changes have returned them. It takes
// less, but 200 ms were too short on a machine with fifteen times more work than processors, and the id of a new token
// was lost. Terraform mostly is terminated too, and ends the provider before this time is over.
const sending = 2 * time.Second

// Stop lets no change begin any more, cancels those under way as an interrupt does, and waits until their answers are
// sent, and that of a change which has just ended, but no longer than limit. Without such a change it returns at once.
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

// cancelAll cancels all changes, and returns a channel that is closed when none is under way.
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
