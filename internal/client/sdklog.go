package client

import (
	"context"
	"sync"

	"github.com/databricks/databricks-sdk-go/logger"
)

var silenceOnce sync.Once

// silenceSDK turns off the SDK's own log, which at debug level prints the bodies of requests and answers. One of these
// bodies holds the value of a token.
func silenceSDK() {
	silenceOnce.Do(func() { logger.DefaultLogger = silent{} })
}

type silent struct{}

func (silent) Enabled(context.Context, logger.Level) bool { return false }
func (silent) Tracef(context.Context, string, ...any)     {}
func (silent) Debugf(context.Context, string, ...any)     {}
func (silent) Infof(context.Context, string, ...any)      {}
func (silent) Warnf(context.Context, string, ...any)      {}
func (silent) Errorf(context.Context, string, ...any)     {}
