package emulator

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

// The settings of a workspace: docs.databricks.com/api/azure/workspace/workspaceconf/getstatus. The emulator has only
// the settings about tokens. They can be read through the API, and are set by [WorkspaceSwitches].

func (w *Workspace) confRoutes(api func(string, handler)) {
	api("GET /api/2.0/workspace-conf", adminsOnly(func(c *call) (any, error) {
		keys := c.r.URL.Query().Get("keys")
		if keys == "" {
			return nil, badParameter("keys must be given")
		}
		s := &c.w.switches
		known := map[string]string{
			"enableTokensConfig":   strconv.FormatBool(!s.PersonalAccessTokensOff),
			"maxTokenLifetimeDays": strconv.Itoa(cmp.Or(s.MaxTokenLifetimeDays, platformTokenDays)),
		}
		answer := map[string]string{}
		for key := range strings.SplitSeq(keys, ",") {
			value, ok := known[key]
			if !ok {
				return nil, refuse(http.StatusBadRequest, "BAD_REQUEST", "Invalid keys: [%q]", key)
			}
			answer[key] = value
		}
		return answer, nil
	}))
}
