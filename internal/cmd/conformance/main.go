// Command conformance checks on a real workspace what this provider and its emulator assume about Azure Databricks, and
// prints a table of the results. It takes the host and the login from the provider's environment variables, such as
// DBXACCESS_HOST and ARM_CLIENT_ID.
//
// By default it only reads. With -write it also creates service principals and tokens. It creates grants on an existing
// endpoint only with -endpoint, an endpoint only with -model, and a secret only with -vault. It removes everything that
// it created. Checks of refused requests need a second application that is not in the workspace
// (DBXACCESS_CONFORMANCE_CLIENT_ID and DBXACCESS_CONFORMANCE_CLIENT_SECRET).
//
// The exit code is 1 if a statement is wrong or a created object was not removed. It is 2 if a check got no answer that
// it could judge, or if no check could be made. Otherwise it is 0.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/conformance"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
)

const cannotAsk = 2

func main() {
	os.Exit(run(untilInterrupted(context.Background()), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// untilInterrupted returns a context that ends at the first interrupt. A second interrupt ends the program.
func untilInterrupted(ctx context.Context) context.Context {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

func run(ctx context.Context, args []string, lookupEnv func(string) (string, bool), out, complaints io.Writer) int {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(complaints)
	var target conformance.Target
	write := flags.Bool("write", false, "also make the checks that create things")
	wait := flags.Duration("wait", time.Minute, "the longest wait for what the service does late")
	flags.StringVar(&target.Endpoint, "endpoint", "", "a serving `endpoint` whose access list may be changed")
	flags.StringVar(&target.Model, "model", "", "a `model` and its version, as main.default.iris/1, for an "+
		"own endpoint")
	flags.StringVar(&target.Vault, "vault", "", "the `address` of a Key Vault")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		say(complaints, "usage: conformance [-write] [-endpoint NAME] [-model MODEL/VERSION] [-vault ADDRESS] "+
			"[-wait TIME]")
		return cannotAsk
	}
	environment, err := provider.FromEnvironment(lookupEnv)
	if err == nil && environment.Host == "" {
		err = errors.New("the workspace's address is missing: set DBXACCESS_HOST")
	}
	if err == nil {
		err = complete(ctx, &target, environment, lookupEnv)
	}
	if err != nil {
		say(complaints, "conformance:", err)
		return cannotAsk
	}
	say(out, "workspace", target.Host, "as", environment.Login)
	if *write {
		say(out, "creating things; an interrupt ends the checks and still removes them, a second one does not")
	}
	options := conformance.Options{Write: *write, Wait: *wait, Transport: environment.Transport}
	report := conformance.Run(ctx, target, options)
	if err := report.Write(out); err != nil {
		say(complaints, "conformance:", err)
		return cannotAsk
	}
	return report.Code()
}

func say(to io.Writer, words ...any) { _, _ = fmt.Fprintln(to, words...) }

// complete sets the addresses and the logins of a target from the provider's environment. It requests one access token
// with the main login, and returns an error if that login fails.
func complete(
	ctx context.Context, target *conformance.Target, from provider.Environment, lookupEnv func(string) (string, bool),
) error {
	if target.Vault != "" {
		if err := auth.CheckVaultURI(target.Vault); err != nil {
			return err
		}
	}
	login := from.Login
	target.Host, target.WorkspaceID = from.Host, from.WorkspaceID
	target.Login = tokens(login)
	target.DatabricksScope, target.ManagementScope = auth.DatabricksScope, login.ManagementScope()
	target.VaultScope = login.KeyVaultScope()
	if _, err := login.AccessToken(ctx, auth.DatabricksScope); err != nil {
		return err
	}
	target.Authority = login.Identity().Authority

	setting := func(name string) auth.Setting {
		value, _ := lookupEnv(name)
		return auth.Setting{Value: strings.TrimSpace(value), Attribute: name, Env: name}
	}
	id, secret := setting("DBXACCESS_CONFORMANCE_CLIENT_ID"), setting("DBXACCESS_CONFORMANCE_CLIENT_SECRET")
	if !id.IsSet() {
		return nil
	}
	second, err := from.Open(auth.Settings{ClientID: id, ClientSecret: secret})
	if err != nil {
		return err
	}
	target.Second = &conformance.Application{ClientID: id.Value, Login: tokens(second)}
	return nil
}

// tokens returns a function that returns the login's access tokens in plain text.
func tokens(login *auth.Login) conformance.Login {
	return func(ctx context.Context, scope string) (string, error) {
		token, err := login.AccessToken(ctx, scope)
		return token.Value, err
	}
}
