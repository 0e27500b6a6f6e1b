package main

import (
	"os"
	"strings"
)

// asksForLogs lists the environment variables that turn on this provider's log, in Terraform or in the plugin
// libraries.
var asksForLogs = []string{
	"TF_LOG", "TF_LOG_PATH", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK",
	"TF_LOG_SDK_PROTO",
}

// unread lists the environment variables that set the log levels of the plugin libraries. By default the libraries
// write every TRACE line as JSON to Terraform, and Terraform drops these lines unless the user asked for a log. Writing
// them takes about a third of the CPU time of a plan.
var unread = []string{"TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"}

// unreadLoggers returns the environment variables of the loggers to switch off, or nil if the user has turned logs on.
func unreadLoggers(lookupEnv func(string) (string, bool)) []string {
	for _, name := range asksForLogs {
		if value, _ := lookupEnv(name); value != "" && !strings.EqualFold(value, "off") {
			return nil
		}
	}
	return unread
}

func switchOff(loggers []string) error {
	for _, name := range loggers {
		if err := os.Setenv(name, "off"); err != nil {
			return err
		}
	}
	return nil
}
