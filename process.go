package main

import (
	"os"
	"runtime/debug"
	"strings"
)

// A provider process lives for one walk of Terraform's graph, some seconds, and makes much garbage in it: collecting
// less often costs memory that is given back at the end. The limit is where it becomes thrifty again, so that a large
// configuration on a small build agent gets slow before it gets killed.
const (
	gcPercent   = 150
	memoryLimit = 512 << 20
)

// asksForLogs are the variables by which somebody asks Terraform, or the plugin stack, for this provider's log.
var asksForLogs = []string{
	"TF_LOG", "TF_LOG_PATH", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO",
}

// unread are the loggers of the plugin stack. Left alone each writes every TRACE line as JSON to Terraform, which
// drops it unless a log was asked for: about a third of the CPU time of a plan.
var unread = []string{"TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"}

// process is what this process sets for itself before it serves. Zero values leave things as they are.
type process struct {
	off         []string // environment variables of loggers to switch off
	gcPercent   int
	memoryLimit int64
}

// decide reads the environment: whoever asks for logs gets all of them, and Go's own variables outrank ours.
func decide(lookupEnv func(string) (string, bool)) process {
	p := process{off: unread, gcPercent: gcPercent, memoryLimit: memoryLimit}
	for _, name := range asksForLogs {
		if value, _ := lookupEnv(name); value != "" && !strings.EqualFold(value, "off") {
			p.off = nil
		}
	}
	if value, _ := lookupEnv("GOGC"); value != "" {
		p.gcPercent = 0
	}
	if value, _ := lookupEnv("GOMEMLIMIT"); value != "" {
		p.memoryLimit = 0
	}
	return p
}

func (p process) apply() error {
	for _, name := range p.off {
		if err := os.Setenv(name, "off"); err != nil {
			return err
		}
	}
	if p.gcPercent != 0 {
		debug.SetGCPercent(p.gcPercent)
	}
	if p.memoryLimit != 0 {
		debug.SetMemoryLimit(p.memoryLimit)
	}
	return nil
}
