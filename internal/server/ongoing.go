package server

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// ongoing tracks the requests that are being served, and lets the framework forget those that have ended.
//
// The framework keeps a cancelable context for each request that it has served, until its StopProvider is called. There
// StopProvider only cancels those contexts and forgets them (terraform-plugin-framework v1.19.0,
// internal/proto6server/serve.go). So ongoing calls StopProvider now and then, while no request is served and there is
// nothing to cancel. If requests always overlap, the contexts stay in memory, some hundred bytes each.
type ongoing struct {
	served   sync.RWMutex // locked for reading by each request while it is served
	returned atomic.Int64 // how many requests have ended since the framework last forgot their contexts
	forget   func()
}

// most is how many ended requests the framework may keep before ongoing makes it forget them.
const most = 200

func newOngoing(next tfprotov6.ProviderServer) *ongoing {
	return &ongoing{forget: func() {
		// The framework's StopProvider never fails.
		_, _ = next.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{})
	}}
}

// begin returns a context for a request, and a function that ends this context. end may be called more than once.
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
