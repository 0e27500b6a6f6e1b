package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A run is one configuration of one subject, with its own folder and state.
type run struct {
	b         *bench
	dir       string
	subject   subject
	instances int
	world     *world   // the emulator; nil unless the subject is this provider
	env       []string // environment variables in addition to those that every command has
}

// command returns the arguments of the Terraform command of a phase, and a text that its output must contain.
func (r *run) command(p phase) (args []string, says string) {
	switch p {
	case create:
		return []string{"apply", "-auto-approve", "-input=false"}, fmt.Sprintf("%d added, 0 changed, 0 destroyed",
			r.instances)
	case noop:
		return []string{"plan", "-detailed-exitcode", "-input=false"}, "No changes"
	case preview:
		return []string{"plan", "-input=false"}, fmt.Sprintf("%d to add, 0 to change, 0 to destroy", r.instances)
	default:
		return []string{"destroy", "-auto-approve", "-input=false"}, fmt.Sprintf("%d destroyed", r.instances)
	}
}

// measure runs one phase. It returns an error if the command does not end as expected, because its time would mean
// nothing.
func (r *run) measure(p phase) (sample, error) {
	args, says := r.command(p)
	if r.world != nil {
		if _, err := r.world.asked(); err != nil {
			return sample{}, err
		}
	}
	usage := filepath.Join(r.dir, "usage")
	if err := os.Remove(usage); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sample{}, err
	}
	cmd := r.terraform(args...)
	cmd.Env = append(cmd.Env, "BENCH_USAGE="+usage)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said

	began := time.Now()
	err := cmd.Run()
	x := sample{Wall: time.Since(began).Seconds()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return sample{}, err
	}
	if cmd.ProcessState.ExitCode() != 0 || !strings.Contains(said.String(), says) {
		return sample{}, fmt.Errorf("terraform %s: exit code %d, and not %q:\n%s", args[0], cmd.ProcessState.ExitCode(),
			says, tail(said.String()))
	}
	rusage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return sample{}, errors.New("this system does not tell what a process cost")
	}
	// The operating system adds the cost of child processes that Terraform waited for. These are its providers.
	x.CPU, x.Peak = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), inBytes(rusage.Maxrss)
	if x.Provider, x.ProviderPeak, err = readUsage(usage); err != nil {
		return sample{}, err
	}
	if r.world != nil {
		if x.Requests, err = r.world.asked(); err != nil {
			return sample{}, err
		}
	}
	return x, nil
}

// live runs the plan without changes with the provider that writes profiles. It returns how many bytes that provider
// still held at its end.
func (r *run) live(w workload, n int, latency time.Duration) (int64, error) {
	if err := r.use(profiled); err != nil {
		return 0, err
	}
	args, _ := r.command(noop)
	dir := r.dir
	if r.b.options.profile {
		dir = filepath.Join(r.b.options.out, "profiles", fmt.Sprintf("%s-%d-%s", w.name, n, latency))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return 0, err
		}
		var err error
		if dir, err = filepath.Abs(dir); err != nil {
			return 0, err
		}
	}
	cmd := r.terraform(args...)
	cmd.Env = append(cmd.Env, "BENCH_PROFILE="+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("terraform plan: %w:\n%s", err, tail(string(said)))
	}
	bytes, err := os.ReadFile(filepath.Join(dir, "live"))
	if err != nil {
		return 0, err
	}
	size, err := strconv.ParseInt(string(bytes), 10, 64)
	return size, errors.Join(err, r.use(r.subject))
}

// terraform returns a command of the CLI that has not been started.
func (r *run) terraform(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.b.ctx, r.b.cli, args...)
	// on an interrupt, Terraform stops its providers and writes its state
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Dir = r.dir
	// Only PATH comes from this machine's environment, so that no other setting affects the measurement.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + r.b.dir,
		"TF_CLI_CONFIG_FILE=" + filepath.Join(r.dir, "cli.tfrc"), "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color"}
	if r.world != nil {
		cmd.Env = append(cmd.Env, r.world.providerEnv()...)
	}
	cmd.Env = append(cmd.Env, r.env...)
	return cmd
}

// readUsage returns the sum of the CPU times and the largest peak memory that the meter recorded. If the file does not
// exist, no provider ran, and both are 0.
func readUsage(name string) (cpuSeconds float64, peak int64, err error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var line struct {
			CPU    float64 `json:"cpu_seconds"`
			MaxRSS int64   `json:"max_rss"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return 0, 0, err
		}
		cpuSeconds, peak = cpuSeconds+line.CPU, max(peak, inBytes(line.MaxRSS))
	}
	return cpuSeconds, peak, lines.Err()
}

// inBytes converts the largest memory size of a process to bytes. Linux reports it in kilobytes, and macOS in bytes.
func inBytes(maxRSS int64) int64 {
	if runtime.GOOS == "darwin" {
		return maxRSS
	}
	return maxRSS * 1024
}

// tail returns the last 4000 bytes of a command's output, because the output for a thousand instances is long.
func tail(text string) string {
	const most = 4000
	return text[max(0, len(text)-most):]
}

// layOut writes the Terraform configuration, and the CLI configuration that makes Terraform use the subject's provider.
func (r *run) layOut(hcl string) error {
	return errors.Join(os.WriteFile(filepath.Join(r.dir, "main.tf"), []byte(hcl), 0o600), r.use(r.subject))
}

// use writes the CLI configuration that makes Terraform use the subject's provider.
func (r *run) use(s subject) error {
	rc := "disable_checkpoint = true\n"
	if s != builtin {
		rc += fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n  direct {}\n}\n",
			r.b.registry+"/dbxaccess/dbxaccess", r.b.folder(s))
	}
	return os.WriteFile(filepath.Join(r.dir, "cli.tfrc"), []byte(rc), 0o600)
}
