// Package local serves the programs of this repository that run Terraform on this machine. It finds the installed
// Terraform or OpenTofu, and starts the emulator in a process of its own.
package local

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Terraform returns the path of the Terraform or OpenTofu binary, and the host of the registry from which that binary
// takes providers. It uses TF_ACC_TERRAFORM_PATH if that is set, as the tests do, and otherwise looks on PATH for
// terraform and then for tofu.
func Terraform() (path, registry string, err error) {
	path = os.Getenv("TF_ACC_TERRAFORM_PATH")
	for _, name := range []string{"terraform", "tofu"} {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		return "", "", errors.New("neither terraform nor tofu is on PATH; put one there, or name it in " +
			"TF_ACC_TERRAFORM_PATH")
	}
	if strings.Contains(filepath.Base(path), "tofu") {
		return path, "registry.opentofu.org", nil
	}
	return path, "registry.terraform.io", nil
}

// Emulator is a running process of internal/cmd/emulator.
type Emulator struct {
	// Env holds the environment variables that the emulator wrote for a shell.
	Env map[string]string
	// PID is the id of the emulator's process.
	PID int

	cmd   *exec.Cmd
	ended chan error
}

// StartEmulator starts the emulator's binary with the folder dir and waits until the emulator is ready. The emulator
// runs until [Emulator.Stop] is called, even after the end of this program.
func StartEmulator(ctx context.Context, binary, dir string, args ...string) (*Emulator, error) {
	var said bytes.Buffer
	e := &Emulator{cmd: exec.Command(binary, append([]string{"-dir", dir}, args...)...), ended: make(chan error, 1)}
	e.cmd.Stderr = &said
	// in a process group of its own, so that an interrupt at the keyboard does not end it directly
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	e.PID = e.cmd.Process.Pid
	go func() { e.ended <- e.cmd.Wait() }()
	for {
		var err error
		if e.Env, err = readEnv(filepath.Join(dir, "env")); err == nil {
			return e, nil
		}
		select {
		case why := <-e.ended:
			return nil, fmt.Errorf("the emulator did not start: %w: %s", why, said.String())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), e.Stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the emulator and waits until its process has ended.
func (e *Emulator) Stop() error {
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return <-e.ended
}

// Client returns an HTTP client that trusts the emulator's certificate authority.
func (e *Emulator) Client() (*http.Client, error) {
	ca, err := os.ReadFile(e.Env["DBXACCESS_CA_CERTIFICATE_PATH"])
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the emulator's CA file holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool,
		MinVersion: tls.VersionTLS12}}}, nil
}

// readEnv reads the lines export NAME='value' that the emulator writes to a file when it is ready.
func readEnv(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		env[name] = strings.ReplaceAll(strings.Trim(value, "'"), `'\''`, "'")
	}
	return env, nil
}
