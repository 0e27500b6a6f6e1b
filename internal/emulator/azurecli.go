package emulator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// azureSubscription is the one the Azure CLI is logged in to.
const azureSubscription = "00000000-0000-4000-8000-000000000000"

// WriteAzureCLI writes a stand-in for the Azure CLI, an executable shell script
// named az, for a folder that a test puts on PATH. It is logged in as the
// application, or as nobody if that is nil, and knows the one command that other
// programs call, learn.microsoft.com/cli/azure/account#az-account-get-access-token;
// whatever else it is asked fails.
//
// A script cannot speak TLS, so the tokens are in it, as fresh as it is: after moving the clock, write it again.
func (t *Tenant) WriteAzureCLI(dir string, app *App) error {
	var script strings.Builder
	fmt.Fprintf(&script, azureCLIHead, shellQuote(filepath.Join(dir, azureCLILog)))
	if app == nil {
		script.WriteString("fail \"Please run 'az login' to setup account.\"\n")
		return writeExecutable(filepath.Join(dir, "az"), script.String())
	}
	fmt.Fprintf(&script, azureCLIArguments, azureSubscription, shellQuote(t.ID), shellQuote(t.Domain))
	t.mu.Lock()
	lifetime := t.tokenLifetime
	t.mu.Unlock()
	expires := t.Clock.Now().Add(lifetime)
	for _, resource := range t.resources() {
		token, err := t.issue(app, resource, provedBySecret, lifetime)
		if err != nil {
			return fmt.Errorf("issuing a token for %s: %w", resource, err)
		}
		fmt.Fprintf(&script, "%s) token=%s ;;\n", shellQuote(resource), token)
	}
	fmt.Fprintf(&script, azureCLITail, shellQuote(t.Domain),
		expires.Local().Format("2006-01-02 15:04:05.000000"), expires.Unix(), azureSubscription, t.ID)
	return writeExecutable(filepath.Join(dir, "az"), script.String())
}

// AzureCLICalls are the arguments of each call of the stand-in in dir, oldest
// first.
func AzureCLICalls(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, azureCLILog))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), nil
}

const azureCLILog = "az.log"

// resources are all a token can be had for where the tenant is.
func (t *Tenant) resources() []string {
	all := []string{DatabricksResource}
	for _, c := range clouds {
		if t.cloud == nil || t.cloud == c {
			all = append(append(all, c.vaultResource()), c.management...)
		}
	}
	slices.Sort(all)
	return all
}

// The script keeps to what the shell itself can do, so that it works whatever
// else is on PATH.
const (
	azureCLIHead = `#!/bin/sh
# A stand-in for the Azure CLI, for tests.
printf '%%s\n' "$*" >>%s
fail() {
	printf 'ERROR: %%s\n' "$1" >&2
	exit "${2:-1}"
}
`
	azureCLIArguments = `[ "$1 $2" = "account get-access-token" ] || fail "'$*' is misspelled or not recognized by the system." 2
shift 2
resource= scope=
while [ $# -gt 0 ]; do
	[ $# -gt 1 ] || fail "argument $1: expected one argument" 2
	case $1 in
	-o | --output) [ "$2" = json ] || fail "argument --output: this stand-in speaks json only, not '$2'" 2 ;;
	--resource) resource=$2 ;;
	--scope) scope=$2 ;;
	-s | -n | --subscription | --name) [ "$2" = %[1]s ] || fail "The subscription of '$2' doesn't exist in cloud 'AzureCloud'." ;;
	-t | --tenant)
		case $2 in
		%[2]s | %[3]s) ;;
		*) fail "AADSTS90002: Tenant '$2' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud." ;;
		esac
		;;
	*) fail "unrecognized arguments: $1" 2 ;;
	esac
	shift 2
done
[ -z "$resource" ] || [ -z "$scope" ] || fail "argument --resource: not allowed with argument --scope" 2
if [ -n "$scope" ]; then
	case $scope in
	*/.default) resource=${scope%%/.default} ;;
	*) fail "AADSTS70011: The provided value for the input parameter 'scope' is not valid. The scope $scope is not valid." ;;
	esac
fi
case ${resource:-https://management.core.windows.net/} in
`
	azureCLITail = `*) fail "AADSTS500011: The resource principal named $resource was not found in the tenant named "%s"." ;;
esac
printf '{\n  "accessToken": "%%s",\n  "expiresOn": "%s",\n  "expires_on": %d,\n  "subscription": "%s",\n  "tenant": "%s",\n  "tokenType": "Bearer"\n}\n' "$token"
`
)

// shellQuote makes one word of a shell's, whatever is in it.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// writeExecutable replaces a script that may be running.
func writeExecutable(name, text string) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o700); err != nil { //nolint:gosec // a script must be executable
		return err
	}
	return os.Rename(temporary, name)
}
