package main

import (
	"os"
	"strings"
)

// asksForLogs are the variables that turn on this provider's log, in Terraform or in the plugin libraries.
var asksForLogs = []string{
	"TF_LOG", "TF_LOG_PATH", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO",
}

// unread are the environment variables for the log levels of the plugin libraries. By default their loggers write every
// TRACE line as JSON to Terraform, which drops it unless a log was asked for: that takes about a third of the CPU time
// of a plan.
var unread = []string{"TF_LOG_PROVIDER_DBXACCESS", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"}

// unreadLoggers are the environment variables of the loggers to switch off: none when logs are turned on.
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
