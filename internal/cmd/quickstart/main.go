// Command quickstart demonstrates the provider's main purpose on this machine. It builds the provider and the emulator
// and runs plain terraform commands, logged in with a certificate. At first only a person's token can score a served
// model; at the end an application scores it with its own token. Each step prints what it expected and what it saw. The
// first step with an unexpected result ends the program with exit code 1.
package main

import (
	"context"
	_ "embed"
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

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
)

func main() {
	keep := flag.Bool("keep", false, "leave the emulator up, and print what to export to play on")
	archive := flag.String("archive", "", "install the provider from this released archive, instead of building it")
	flag.Parse()
	// After an interrupt, each step ends with the context, and run stops the processes that it started.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *archive, *keep); err != nil {
		fmt.Fprintf(os.Stderr, "\nquickstart failed: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, archive string, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "dbxaccess-quickstart-")
	if err != nil {
		return err
	}
	d := &demo{ctx: ctx, dir: dir, archive: archive}
	defer func() {
		if keep && err == nil {
			d.explain()
			return
		}
		err = errors.Join(err, d.stop(), os.RemoveAll(dir))
	}()
	if err := d.prepare(); err != nil {
		return err
	}
	return d.show()
}

// show runs the steps of the demonstration. Every result that it prints was observed in this run.
func (d *demo) show() error {
	const grant, token = "dbxaccess_serving_endpoint_permission.scoring", "dbxaccess_service_principal_token.scoring"
	before, err := d.workspace()
	if err != nil {
		return err
	}

	d.step("Before: a person's token scores the model, the application does not")
	if err := d.scores("the person's token", d.env["EMULATOR_PERSON_TOKEN"]); err != nil {
		return err
	}
	entra, err := d.entraToken()
	if err != nil {
		return err
	}
	if err := d.refused("the application's Entra token", entra); err != nil {
		return err
	}

	d.step("terraform init, plan and apply: the application gets access of its own")
	if _, err := d.terraform(0, "init", "-input=false"); err != nil {
		return err
	}
	if err := d.plan(changes, "4 to add"); err != nil {
		return err
	}
	if err := d.apply(); err != nil {
		return err
	}
	value, err := d.output("token")
	if err != nil {
		return err
	}
	if err := d.scores("the application's own token", value); err != nil {
		return err
	}
	if err := d.plan(noChanges, "No changes"); err != nil {
		return err
	}

	d.step("Somebody removes the grant by hand: the next plan names it, apply heals it")
	if err := d.removeGrant(); err != nil {
		return err
	}
	if err := d.refused("the application's own token", value); err != nil {
		return err
	}
	if err := d.healed(grant+" will be created", value); err != nil {
		return err
	}

	d.step("Somebody deletes the endpoint and re-creates it under its name: seen and healed")
	if err := d.recreateEndpoint(); err != nil {
		return err
	}
	if err := d.healed("re-created under its name: iris", value); err != nil {
		return err
	}

	d.step("Somebody revokes the token: seen, and it is rotated")
	if err := d.revokeToken(value); err != nil {
		return err
	}
	if err := d.refused("the revoked token", value); err != nil {
		return err
	}
	if err := d.plan(changes, token+" will be updated in-place"); err != nil {
		return err
	}
	if err := d.apply(); err != nil {
		return err
	}
	if value, err = d.output("token"); err != nil {
		return err
	}
	if err := d.scores("the application's new token", value); err != nil {
		return err
	}

	vaulted, err := d.keyVault()
	if err != nil {
		return err
	}

	d.step("terraform destroy: the tokens open nothing, and the workspace is as before")
	if _, err := d.terraform(0, "destroy", "-auto-approve", "-input=false"); err != nil {
		return err
	}
	if err := d.refused("the application's token", value); err != nil {
		return err
	}
	if err := d.refused("the token that was in Key Vault", vaulted); err != nil {
		return err
	}
	after, err := d.workspace()
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		return fmt.Errorf("the workspace is not as before:\n  before: %s\n  after:  %s", strings.Join(before, "; "),
			strings.Join(after, "; "))
	}
	d.saw("the workspace as before", fmt.Sprintf("the same %d principals, grants and tokens", len(after)))
	fmt.Printf("\nAll of it as expected, in %.0f seconds.\n", time.Since(d.started).Seconds())
	return nil
}

// healed demands a plan with changes, applies it, and demands that the application can score the model and that a new
// plan is empty.
func (d *demo) healed(planSays, value string) error {
	if err := d.plan(changes, planSays); err != nil {
		return err
	}
	if err := d.apply(); err != nil {
		return err
	}
	if err := d.scores("the application's own token", value); err != nil {
		return err
	}
	return d.plan(noChanges, "No changes")
}

// demo holds the data of one run of the demonstration.
type demo struct {
	ctx      context.Context
	dir      string // the folder of everything that the run creates
	archive  string // the path of a released provider archive; if empty, the provider is built
	cli      string // the path of the terraform or tofu binary
	env      map[string]string
	registry string // the host of the registry from which the CLI takes providers
	emulator *local.Emulator
	folder   string // the working folder of the CLI, inside dir
	started  time.Time
	steps    int
}

func (d *demo) step(title string) {
	d.steps++
	fmt.Printf("\n%d. %s\n", d.steps, title)
}

func (d *demo) saw(expected, seen string) {
	fmt.Printf("   expected %s\n   saw      %s\n", expected, seen)
}

// prepare builds and starts the emulator. It also writes the example configurations, and puts the provider, built or
// unpacked, into a local mirror.
func (d *demo) prepare() error {
	var err error
	if d.cli, d.registry, err = local.Terraform(); err != nil {
		return err
	}
	emulator := filepath.Join(d.dir, "emulator")
	programs, packages := map[string]string{"emulator": emulator}, []string{"./internal/cmd/emulator"}
	if d.archive == "" {
		programs["terraform-provider-dbxaccess"] = d.pluginPath()
		packages = append(packages, ".")
		fmt.Println("Building provider and emulator, a minute or more the first time.")
	} else {
		if err := d.unpack(); err != nil {
			return fmt.Errorf("%s: %w", d.archive, err)
		}
		fmt.Println("Building the emulator, a minute or more the first time.")
	}
	// The programs stay in bin as well, so that a later run does not link unchanged programs again.
	kept := filepath.Join("bin", "quickstart")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		return err
	}
	build := exec.CommandContext(d.ctx, "go", append([]string{"build", "-o", kept}, packages...)...)
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	for name, path := range programs {
		if err := copyProgram(filepath.Join(kept, name), path); err != nil {
			return err
		}
	}
	if err := d.layOut(); err != nil {
		return fmt.Errorf("run it in the repository's root: %w", err)
	}
	d.folder = d.example()
	d.started = time.Now()

	if d.emulator, err = local.StartEmulator(d.ctx, emulator, filepath.Join(d.dir, "world"), "-vault"); err != nil {
		return err
	}
	d.env = d.emulator.Env
	return nil
}

// copyProgram copies a program into a folder, which it creates if needed.
func copyProgram(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, content, 0o700))
}

// stop ends the emulator, if prepare has started it.
func (d *demo) stop() error {
	if d.emulator == nil {
		return nil
	}
	return d.emulator.Stop()
}

var (
	// play is a shell script that defines the commands with which a person can continue the demonstration.
	//
	//go:embed play.sh
	play []byte
	// watch is a Terraform configuration that uses the module access-watch. The module reports every access that the
	// example does not create.
	//
	//go:embed watch.tf
	watch []byte
)

// explain prints how a person can continue the demonstration, and how to stop the emulator.
func (d *demo) explain() {
	cli := filepath.Base(d.cli)
	fmt.Printf(`
The emulator stays up. To play on:

  cd %[1]s
  . %[5]s/world/env && . %[5]s/play.sh
  export TF_CLI_CONFIG_FILE=%[2]s
  %[3]s apply

Then change something behind Terraform's back, and see what the next %[3]s plan says, or the two jobs of the night:

  remove_grant              # every grant on the endpoint iris but Ada's
  raise_grant               # the application gets CAN_MANAGE
  recreate_endpoint         # the same name, another id, an empty access list
  revoke_token              # the application's token
  forbid_tokens             # the application's right to use tokens
  delete_principal          # the application's service principal
  grant_others              # the group analysts gets CAN_QUERY; only the job watch names this and the next two
  make_admin                # the application gets into the group admins
  deactivate_principal      # the job example fails too, because its query does
  nightly                   # a job ends with 0 (nothing), 3 (maintenance), 2 (drift) or 1 (a deviation or error)

%[3]s apply undoes the first six. remove_grant and then apply takes the grant of analysts away; destroy and then apply
creates a new service principal, which is active and no admin. After deactivate_principal the query fails every plan:
write active = true into dbxaccess_service_principal.scoring and apply, or run %[3]s destroy -refresh=false.

Or let time pass, by less than a day in all and never back. A token of nine hours is due for rotation after six; move_clock
takes seconds:

  export TF_VAR_token_lifetime_seconds=32400
  %[3]s apply
  move_clock 22000

Key Vault and managed identities are reached by their real names, through the emulator's proxy:

  real_names                    # sets HTTPS_PROXY and all that it needs

A certificate from the vault and a token into it, after %[3]s apply in %[1]s:

  cd %[5]s/key-vault && %[3]s init && %[3]s apply

The certificate, its ids and the next pipeline, as the guide has it. It makes the next pipeline an admin, so the job watch
fails until you destroy it:

  cd %[5]s/recipe-two && %[3]s init && %[3]s apply

The job watch allows the access of this example alone: a grant of your own on iris fails it.

The examples of the pages of resources, data sources and functions apply here too, after real_names, each in a new
folder with the terraform block of the README. Their variables are set. They use the same application: a page that adds it
to the workspace needs it absent, so run %[3]s destroy in
%[1]s
first; the other pages want it as that example leaves it. This demo has no provider but dbxaccess. In a guide, delete the
entry azuread of required_providers, every resource azuread_… and its name in each depends_on. Declare the variables
application_id and client_secret, and use them in place of azuread_….

To stop it and to clean up:

  kill %[4]d && rm -r %[5]s
`, d.example(), d.cliConfig(), cli, d.emulator.PID, d.dir)
}
