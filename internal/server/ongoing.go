package server

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// ongoing are the requests that are served at this moment.
//
// The framework keeps a cancelable context for each request that it has served, until it is stopped. All that stopping
// does there is to cancel those contexts and to forget them (terraform-plugin-framework v1.19.0,
// internal/proto6server/serve.go). So it is stopped now and then, while no request is served: then there is nothing to
// cancel. Where requests always overlap the contexts stay, some hundred bytes each.
type ongoing struct {
	served   sync.RWMutex // read by each request while it is served
	returned atomic.Int64 // since the framework last forgot
	forget   func()
}

// most is how many requests the framework may remember before it is made to forget them.
const most = 200

func newOngoing(next tfprotov6.ProviderServer) *ongoing {
	return &ongoing{forget: func() {
		// It has no error to report.
		_, _ = next.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{})
	}}
}

// begin returns a context for the request, which is valid until end is called. end may be called more than once.
func (o *ongoing) begin(ctx context.Context) (_ context.Context, end func()) {
	o.served.RLock()
	s := newScope(ctx)
	return s, sync.OnceFunc(func() {
		s.end()
		o.served.RUnlock()
		if o.returned.Add(1) >= most && o.served.TryLock() {
			defer o.served.Unlock()
			o.returned.Store(0)
			o.forget()
		}
	})
}
