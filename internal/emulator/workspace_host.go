package emulator

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The public host name of a workspace: learn.microsoft.com/azure/databricks/workspace/workspace-details, "Workspace
// instance names, URLs, and IDs".

// publicHostName returns adb-<workspace id>.<number>.azuredatabricks.net. Azure calls the number random; here it is
// computed from the id, so that a test can predict it.
func publicHostName(id string) string {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("emulator: workspace id %q is not a number", id))
	}
	return fmt.Sprintf("adb-%s.%d%s", id, max(n, -n)%20, cloudNamed(PublicCloud).workspaceSuffix)
}

var workspaceHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// SetHostName sets the public host name of the workspace, without scheme and port, such as a regional name or a name in
// a sovereign cloud. [Tenant.Proxy] serves this name.
func (w *Workspace) SetHostName(name string) {
	if !workspaceHost.MatchString(name) {
		panic(fmt.Sprintf("emulator: %q is no host name in lower case", name))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hostName = name
}

// HostName returns the public host name of the workspace. It is adb-….azuredatabricks.net unless a test set another
// one.
func (w *Workspace) HostName() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hostName
}

// reachedAs reports whether a host name is the name of this workspace in any cloud.
func (w *Workspace) reachedAs(host string) bool {
	name := w.HostName()
	if host == name {
		return true
	}
	base, asked := cutWorkspaceSuffix(name), cutWorkspaceSuffix(host)
	return base != "" && base == asked
}

// cutWorkspaceSuffix returns a workspace's host name without the suffix of its cloud, or "" if it has no such suffix.
func cutWorkspaceSuffix(host string) string {
	for _, c := range clouds {
		if base, ok := strings.CutSuffix(host, c.workspaceSuffix); ok {
			return base
		}
	}
	return ""
}
