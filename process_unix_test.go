//go:build unix

package main

import (
	"bytes"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

const makesToken = `
variable "secret" {
  ephemeral = true
}
resource "dbxaccess_service_principal_token" "this" {
  owner = { application_id = "APP", client_secret_wo = var.secret }
}
`

// TestTerminationWaitsForTheRunningChange terminates the process group, as a CI runner does, when a token is created
// and not yet recorded. It checks that Terraform still gets the answer, so that each live token is in the state.
func TestTerminationWaitsForTheRunningChange(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	app := w.ScoringApp.ClientID
	w.Workspace.AddServicePrincipal(app, "scoring")
	w.Workspace.SetGrant("authorization/tokens", app, "CAN_USE")
	c := w.CLI(t, strings.ReplaceAll(makesToken, "APP", app))
	c.Env["TF_VAR_secret"] = w.ScoringSecret
	w.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Path: "/api/2.0/token/*",
		Delay: time.Second})
	cmd := c.Command(t, "apply", "-auto-approve")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acctest.When(func() bool { return len(w.Tenant.Faults.Unmet()) == 0 }, func() {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	})
	_ = cmd.Wait() // Terraform decides how the command ends
	state := c.State(t)
	tokens := slices.DeleteFunc(w.Workspace.Snapshot().Tokens, func(token emulator.TokenState) bool {
		return token.Owner != app
	})
	if len(tokens) != 1 || !strings.Contains(state, tokens[0].ID) {
		t.Errorf("%d tokens live, and the state has other ones:\n%s", len(tokens), &out)
	}
}
