// Package local starts what the programs of this repository that drive Terraform need on this machine: the CLI that is
// there, and the emulator as a process of its own.
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

// Terraform finds Terraform or OpenTofu as the tests do, and the registry it takes providers from.
func Terraform() (path, registry string, err error) {
	path = os.Getenv("TF_ACC_TERRAFORM_PATH")
	for _, name := range []string{"terraform", "tofu"} {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		return "", "", errors.New("neither terraform nor tofu is on PATH; put one there, or name it in TF_ACC_TERRAFORM_PATH")
	}
	if strings.Contains(filepath.Base(path), "tofu") {
		return path, "registry.opentofu.org", nil
	}
	return path, "registry.terraform.io", nil
}

// Emulator is internal/cmd/emulator, running.
type Emulator struct {
	// Env is what it wrote for a shell.
	Env map[string]string
	// PID is its process.
	PID int

	cmd   *exec.Cmd
	ended chan error
}

// StartEmulator runs the emulator's binary on the folder dir until [Emulator.Stop], and waits until it answers. It
// outlives this program when it is not stopped.
func StartEmulator(ctx context.Context, binary, dir string, args ...string) (*Emulator, error) {
	var said bytes.Buffer
	e := &Emulator{cmd: exec.Command(binary, append([]string{"-dir", dir}, args...)...), ended: make(chan error, 1)}
	e.cmd.Stderr = &said
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the keyboard is for its owner to pass on
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

// Stop ends the emulator and waits for it.
func (e *Emulator) Stop() error {
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return <-e.ended
}

// Client trusts the emulator's certificate authority.
func (e *Emulator) Client() (*http.Client, error) {
	ca, err := os.ReadFile(e.Env["DBXACCESS_CA_CERTIFICATE_PATH"])
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the emulator's CA file holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}, nil
}

// readEnv reads the lines export NAME='value' that the emulator writes when it is ready.
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
