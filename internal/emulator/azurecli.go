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

// azureSubscription is the id of the subscription that the stand-in for the Azure CLI is logged in to.
const azureSubscription = "00000000-0000-4000-8000-000000000000"

// WriteAzureCLI writes a stand-in for the Azure CLI into dir: an executable shell script named az. A test puts dir on
// PATH. The script is logged in as app, or as nobody if app is nil. It has only the command that other programs call,
// learn.microsoft.com/cli/azure/account#az-account-get-access-token; every other command fails.
//
// A shell script cannot speak TLS, so WriteAzureCLI issues the access tokens and writes them into the script. The
// tokens do not renew themselves: after the tenant's clock was moved, call WriteAzureCLI again.
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

// AzureCLICalls returns the arguments of each call of the stand-in for the Azure CLI in dir, oldest first. It returns
// nil if the stand-in was never called.
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

// resources returns every resource that access tokens can be issued for, in the tenant's cloud or, if the tenant is
// bound to no cloud, in all clouds.
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

// The script of the Azure CLI's stand-in uses only built-in commands of the shell, so that it works whatever programs
// are on PATH.
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

// shellQuote quotes s for a shell as one word, whatever characters s contains.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// writeExecutable writes an executable file. It replaces the old file by a rename, because a process may be running it.
func writeExecutable(name, text string) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o700); err != nil { //nolint:gosec // a script must be executable
		return err
	}
	return os.Rename(temporary, name)
}
