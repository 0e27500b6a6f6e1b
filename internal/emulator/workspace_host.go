package emulator

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The public name of a workspace: learn.microsoft.com/azure/databricks/workspace/workspace-details,
// "Workspace instance names, URLs, and IDs".

// publicHostName is adb-<workspace id>.<number>.azuredatabricks.net. The service
// calls the number random; here it follows the id, so that a test can tell it.
func publicHostName(id string) string {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("emulator: workspace id %q is not a number", id))
	}
	return fmt.Sprintf("adb-%s.%d%s", id, max(n, -n)%20, cloudNamed(PublicCloud).workspaceSuffix)
}

var workspaceHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// SetHostName gives the workspace another public name, without scheme or port:
// the one of its region, or of a sovereign cloud. [Tenant.Proxy] leads there.
func (w *Workspace) SetHostName(name string) {
	if !workspaceHost.MatchString(name) {
		panic(fmt.Sprintf("emulator: %q is no host name in lower case", name))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hostName = name
}

// HostName is the public name of the workspace, adb-….azuredatabricks.net unless
// it was set.
func (w *Workspace) HostName() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hostName
}

// reachedAs reports whether a host name is this workspace's, in whatever cloud.
func (w *Workspace) reachedAs(host string) bool {
	name := w.HostName()
	if host == name {
		return true
	}
	base, asked := cutWorkspaceSuffix(name), cutWorkspaceSuffix(host)
	return base != "" && base == asked
}

// cutWorkspaceSuffix returns the part of a host name before the cloud's suffix; empty without such a suffix.
func cutWorkspaceSuffix(host string) string {
	for _, c := range clouds {
		if base, ok := strings.CutSuffix(host, c.workspaceSuffix); ok {
			return base
		}
	}
	return ""
}
