package main

import "os"

// waitForParent returns when the process that started this one has ended.
func waitForParent() {
	// Windows keeps an orphan's parent id, but gives a handle to wait for.
	if parent, err := os.FindProcess(os.Getppid()); err == nil {
		_, _ = parent.Wait()
	}
}
