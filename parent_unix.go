//go:build unix

package main

import (
	"os"
	"time"
)

// waitForParent waits until the process that started this one has ended.
func waitForParent() {
	// An orphaned process gets another parent. No signal that every Unix has reports this, so the parent's id is
	// polled.
	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(500 * time.Millisecond)
	}
}
