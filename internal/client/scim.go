package client

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// StaleFor is how long after a write SCIM may go on answering with what stood before.
const StaleFor = time.Minute

// Settle asks until look is content, for as long as SCIM may lag behind a write that the service took at written (zero:
// just now), and says whether it was. A failed look ends it. One look at best; each that was in vain is told in the log.
func Settle(ctx context.Context, written time.Time, object string, look func(context.Context) (bool, error)) (bool, error) {
	began := time.Now()
	for try := 1; ; try++ {
		watched, answer := Watch(ctx)
		content, err := look(watched)
		if content || err != nil {
			return content, err
		}
		// By the service's clock, because the write may be that of an earlier run on another machine; by ours too,
		// because that one need not move.
		now := answer.Now()
		if written.IsZero() {
			written = now
		}
		if now.Sub(written) >= StaleFor || time.Since(began) >= StaleFor {
			return false, nil
		}
		tflog.Info(ctx, "waiting: the workspace still shows what stood before a change", map[string]any{"object": object, "try": try})
		if err := sleep(ctx, 2*time.Second); err != nil {
			return false, err
		}
	}
}
