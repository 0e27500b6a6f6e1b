//go:build unix

package main

import (
	"os"
	"time"
)

// waitForParent returns when the process that started this one has ended.
func waitForParent() {
	// An orphan gets another parent; no signal says so that every Unix has.
	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(500 * time.Millisecond)
	}
}
