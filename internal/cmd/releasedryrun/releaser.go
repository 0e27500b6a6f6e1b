package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
)

// releaser runs goreleaser on a fresh clone of the commit, as the release workflow does.
type releaser struct {
	ctx         context.Context
	goreleaser  []string
	dir         string // the folder of everything that the releaser creates
	native      bool
	fingerprint string // the fingerprint of the key that signs
}

// command runs a program in the folder dir and returns the program's output. If the program fails, the error contains
// the output.
func (r *releaser) command(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(r.ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GNUPGHOME="+r.gnupg()), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// gnupg returns GnuPG's home folder. Its path must be short, because the path of the agent's socket has at most 108
// bytes.
func (r *releaser) gnupg() string { return filepath.Join(r.dir, "gpg") }

// makeKey creates the signing key of this run, which is valid for one day. It is an RSA key, because the Terraform
// registry does not accept elliptic curves.
func (r *releaser) makeKey() error {
	if err := os.Mkdir(r.gnupg(), 0o700); err != nil {
		return err
	}
	_, err := r.command("", nil, "gpg", "--batch", "--passphrase", "",
		"--quick-generate-key", "Release dry run", "rsa3072", "sign", "1d")
	if err != nil {
		return err
	}
	keys, err := r.command("", nil, "gpg", "--batch", "--list-keys", "--with-colons")
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`(?m)^fpr:+([0-9A-F]{40}):`).FindStringSubmatch(keys)
	if found == nil {
		return fmt.Errorf("gpg lists no key:\n%s", keys)
	}
	r.fingerprint = found[1]
	return nil
}

func (r *releaser) verifySignature(sums string) error {
	_, err := r.command("", nil, "gpg", "--batch", "--verify", sums+".sig", sums)
	return err
}

// release clones the commit into a folder with the given name, builds the release there, and returns the folder of the
// files that would be published.
func (r *releaser) release(name string, umask int, env []string) (string, error) {
	defer syscall.Umask(syscall.Umask(umask))
	clone := filepath.Join(r.dir, name)
	if _, err := r.command("", nil, "git", "clone", "--quiet", ".", clone); err != nil {
		return "", err
	}
	// On a machine with few processors, a build of thirteen platforms with an empty cache takes longer than
	// goreleaser's default limit of one hour.
	args := append(r.goreleaser[1:len(r.goreleaser):len(r.goreleaser)], "release", "--snapshot", "--clean",
		"--timeout", "6h")
	if r.native {
		config, err := r.nativeConfig(clone)
		if err != nil {
			return "", err
		}
		args = append(args, "--config", config)
	}
	_, err := r.command(clone, append(env, "GPG_FINGERPRINT="+r.fingerprint), r.goreleaser[0], args...)
	return filepath.Join(clone, "dist"), err
}

// nativeConfig writes a goreleaser configuration that builds only for this machine's platform. The file is outside the
// clone, so that the clone remains as committed.
func (r *releaser) nativeConfig(clone string) (string, error) {
	config, err := os.ReadFile(filepath.Join(clone, ".goreleaser.yml"))
	if err != nil {
		return "", err
	}
	for key, value := range map[string]string{"goos": runtime.GOOS, "goarch": runtime.GOARCH} {
		list := regexp.MustCompile(`(?m)^( +` + key + `): \[.*\]$`)
		if len(list.FindAll(config, -1)) != 1 {
			return "", fmt.Errorf(".goreleaser.yml does not list %s on one line", key)
		}
		config = list.ReplaceAll(config, []byte(`$1: ["`+value+`"]`))
	}
	file := filepath.Join(r.dir, "native.yml")
	return file, os.WriteFile(file, config, 0o600)
}

// close ends the agent that GnuPG started, and removes all files.
func (r *releaser) close() error {
	// This command does not use the run's context, so that an interrupted run is cleaned up too.
	stop := exec.Command("gpgconf", "--kill", "gpg-agent")
	stop.Env = append(os.Environ(), "GNUPGHOME="+r.gnupg())
	return errors.Join(stop.Run(), os.RemoveAll(r.dir))
}
