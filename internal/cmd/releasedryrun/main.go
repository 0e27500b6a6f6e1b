// Command releasedryrun builds the release of the current commit twice, without publishing it, and checks the files
// that a user would download: archives, checksums, signature and lists of components. It then installs the archive for
// this machine from a local mirror and runs the quick start with it. The first unexpected result ends the program with
// exit code 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/mod/modfile"
)

func main() {
	native := flag.Bool("native", false, "build for this machine alone")
	fresh := flag.Bool("fresh", false, "give the second run an empty build cache")
	goreleaser := flag.String("goreleaser", "goreleaser", "the command that runs goreleaser")
	dist := flag.String("dist", "dist", "folder that gets the files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Fields(*goreleaser), *dist, *native, *fresh); err != nil {
		fmt.Fprintf(os.Stderr, "\nrelease-dry-run failed: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, goreleaser []string, dist string, native, fresh bool) (err error) {
	started := time.Now()
	dir, err := os.MkdirTemp("", "dbxaccess-release-")
	if err != nil {
		return err
	}
	r := &releaser{ctx: ctx, goreleaser: goreleaser, dir: dir, native: native}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.makeKey(); err != nil {
		return err
	}
	changed, err := r.command("", nil, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("a release is made of a commit; commit or stash these first:\n%s", changed)
	}

	fmt.Println("First run.")
	first, err := r.release("first", 0o022, nil)
	if err != nil {
		return err
	}
	fmt.Println("Second run: another folder, time zone and umask.")
	env := []string{"TZ=Pacific/Apia"}
	if fresh {
		env = append(env, "GOCACHE="+filepath.Join(dir, "gocache"))
	}
	second, err := r.release("a second folder", 0o077, env)
	if err != nil {
		return err
	}
	if err := sameFiles(first, second); err != nil {
		return err
	}

	found, err := inspect(first)
	if err != nil {
		return err
	}
	if err := r.verifySignature(filepath.Join(first, found.sums)); err != nil {
		return err
	}
	fmt.Printf("Signature, sums, manifest, %d archives and their lists of components are right.\n"+
		"Both runs gave the same bytes.\n",
		len(found.archives))
	if err := noteToolchain("go.mod", found.goes); err != nil {
		return err
	}
	if err := keep(first, dist, found); err != nil {
		return err
	}
	archive, err := found.native()
	if err != nil {
		return err
	}
	fmt.Printf("\nQuick start on %s\n", archive)
	quickstart := exec.CommandContext(ctx, "go", "run", "./internal/cmd/quickstart",
		"-archive", filepath.Join(dist, archive))
	quickstart.Cancel = func() error { return quickstart.Process.Signal(os.Interrupt) }
	quickstart.Stdout, quickstart.Stderr = os.Stdout, os.Stderr
	if err := quickstart.Run(); err != nil {
		return fmt.Errorf("the quick start on %s: %w", archive, err)
	}
	fmt.Printf("\nNothing is wrong with the release, after %.0f seconds. The files are in %s.\n",
		time.Since(started).Seconds(), dist)
	return nil
}

// noteToolchain prints a note for each Go release that built a binary here but is not the toolchain in go.mod, which
// builds the published release. With GOTOOLCHAIN=local the toolchain line of go.mod has no effect.
func noteToolchain(file string, goes []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	module, err := modfile.Parse(file, text, nil)
	if err != nil {
		return err
	}
	for _, builtBy := range slices.Compact(slices.Sorted(slices.Values(goes))) {
		if module.Toolchain != nil && builtBy != module.Toolchain.Name {
			fmt.Printf("Note: %s built these files, and %s builds a release, so the sums will differ. Set "+
				"GOTOOLCHAIN=auto.\n",
				builtBy, module.Toolchain.Name)
		}
	}
	return nil
}
