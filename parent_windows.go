package main

import "os"

// waitForParent waits until the process that started this one has ended.
func waitForParent() {
	// On Windows the parent's id stays the same after the parent has ended, but a process can be waited for.
	if parent, err := os.FindProcess(os.Getppid()); err == nil {
		_, _ = parent.Wait()
	}
}
