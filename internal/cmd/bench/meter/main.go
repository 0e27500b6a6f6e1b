// Command meter runs in the place of a provider under Terraform. It runs the file "provider" in its own folder and then
// appends one line of JSON, with the CPU time and the peak memory of that process, to the file that BENCH_USAGE names.
// The operating system's numbers for Terraform do not separate its providers.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

func main() {
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "meter:", err)
	}
	os.Exit(code)
}

func run() (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	cmd := exec.Command(filepath.Join(filepath.Dir(self), "provider"), os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 1, errors.New("this system does not tell what a process cost")
	}
	line, err := json.Marshal(map[string]any{
		"cpu_seconds": (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		"max_rss":     usage.Maxrss,
	})
	if err != nil {
		return 1, err
	}
	file, err := os.OpenFile(os.Getenv("BENCH_USAGE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1, err
	}
	_, err = file.Write(append(line, '\n'))
	return cmd.ProcessState.ExitCode(), errors.Join(err, file.Close())
}
