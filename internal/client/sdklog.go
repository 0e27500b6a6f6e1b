package client

import (
	"math"
	"sync"

	"github.com/databricks/databricks-sdk-go/logger"
)

// silenceSDK turns off the SDK's own log, which at debug level prints the bodies of requests and answers. One of these
// bodies holds the value of a token.
var silenceSDK = sync.OnceFunc(func() { logger.DefaultLogger = &logger.SimpleLogger{Level: math.MaxInt} })
