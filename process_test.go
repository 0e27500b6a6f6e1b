package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func TestUnreadLoggers(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"no variable set":               {nil, unread},
		"empty variables":               {map[string]string{"TF_LOG": "", "TF_LOG_PROVIDER": ""}, unread},
		"variables set to off":          {map[string]string{"TF_LOG": "OFF", "TF_LOG_PROVIDER": "off"}, unread},
		"Terraform's own log":           {map[string]string{"TF_LOG_CORE": "trace"}, unread},
		"another provider's log":        {map[string]string{"TF_LOG_PROVIDER_AZUREAD": "trace"}, unread},
		"TF_LOG":                        {map[string]string{"TF_LOG": "trace"}, nil},
		"TF_LOG=json":                   {map[string]string{"TF_LOG": "JSON"}, nil},
		"TF_LOG_PATH":                   {map[string]string{"TF_LOG_PATH": "tf.log"}, nil},
		"TF_LOG_PROVIDER":               {map[string]string{"TF_LOG_PROVIDER": "debug"}, nil},
		"one asks and another does not": {map[string]string{"TF_LOG": "off", "TF_LOG_PROVIDER": "warn"}, nil},
		"TF_LOG_PROVIDER_DBXACCESS":     {map[string]string{"TF_LOG_PROVIDER_DBXACCESS": "debug"}, nil},
		"TF_LOG_SDK":                    {map[string]string{"TF_LOG_SDK": "error"}, nil},
		"TF_LOG_SDK_PROTO":              {map[string]string{"TF_LOG_SDK_PROTO": "trace"}, nil},
		"TF_LOG_SDK_FRAMEWORK":          {map[string]string{"TF_LOG_SDK_FRAMEWORK": "trace"}, nil},
	} {
		got := unreadLoggers(func(name string) (string, bool) { value, ok := tc.env[name]; return value, ok })
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

const asksOnce = `
terraform {
  required_providers {
    dbxaccess = { source = "dbxaccess/dbxaccess" }
  }
}
data "dbxaccess_serving_endpoint" "this" { name = "iris" }
`

// TestLogIsWrittenOnRequest checks, with the real binary and the real CLI, that a log is written when a variable asks
// for it.
func TestLogIsWrittenOnRequest(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	c := w.CLI(t, asksOnce)
	for _, tc := range []struct {
		env      map[string]string
		protocol bool // whether the log also has the lines of the plugin libraries
	}{
		{map[string]string{"TF_LOG": "trace"}, true},
		{map[string]string{"TF_LOG_PROVIDER": "trace"}, true},
		{map[string]string{"TF_LOG_PROVIDER": "debug"}, false},
		{map[string]string{"TF_LOG_PROVIDER": "trace", "TF_LOG_SDK": "off", "TF_LOG_SDK_PROTO": "off", "TF_LOG_SDK_FRAMEWORK": "off"}, false},
	} {
		c.Env = tc.env
		said := c.MustRun(t, 0, "plan").Stderr
		if !strings.Contains(said, "/api/2.0/serving-endpoints/iris") {
			t.Errorf("%v: the log lacks our own lines", tc.env)
		}
		for _, line := range []string{"Received request", "Calling provider defined DataSource Read"} {
			if strings.Contains(said, line) != tc.protocol {
				t.Errorf("%v: the log has %q: %v, want %v", tc.env, line, !tc.protocol, tc.protocol)
			}
		}
	}
}

// TestNoLogWithoutRequest checks that the provider writes no log lines if no variable asks for a log. A script in the
// provider's place records what the real provider writes.
func TestNoLogWithoutRequest(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell: runs anywhere but on Windows")
	}
	t.Parallel()
	w := acctest.New(t)
	c := w.CLI(t, asksOnce)
	said := recordStderr(t, c)
	if r := c.MustRun(t, 0, "plan"); r.Stderr != "" {
		t.Errorf("Terraform shows %s", r.Stderr)
	}
	lines := 0
	for line := range strings.Lines(said()) {
		lines++
		// go-plugin writes these two lines once per process, whatever the environment.
		if !strings.Contains(line, `"configuring server automatic mTLS"`) &&
			!strings.Contains(line, `"plugin address"`) {
			t.Errorf("the provider writes %s", line)
		}
	}
	if lines == 0 {
		t.Error("nothing was overheard, so this proves nothing")
	}
}

// TestFewAllocationsBeforeTheFirstRequest checks that the provider's packages allocate little before the first request:
// no patterns, no certificates, no tables. Terraform starts the provider several times per command.
func TestFewAllocationsBeforeTheFirstRequest(t *testing.T) {
	t.Parallel()
	_, plugin := override(t, acctest.New(t).CLI(t, asksOnce))
	cmd := exec.Command(filepath.Join(plugin, "terraform-provider-dbxaccess"))
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	trace, _ := cmd.CombinedOutput() // the provider exits with code 1 because Terraform did not start it
	inits := 0
	for line := range strings.Lines(string(trace)) {
		var pkg string
		var at, took float64
		var size, allocs int
		// A line of the trace looks like this: init internal/bytealg @0.008 ms, 0 ms clock, 0 bytes, 0 allocs
		if n, _ := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &pkg, &at, &took, &size,
			&allocs); n != 5 {
			continue
		}
		inits++
		if strings.Contains(pkg, "terraform-provider-dbxaccess") && size > 16<<10 {
			t.Errorf("%s allocates %d bytes before anything was asked of it", pkg, size)
		}
	}
	if inits == 0 {
		t.Errorf("no trace of initialisation in %s", trace)
	}
}

// override returns the CLI configuration of c, and the folder from which that configuration takes the provider.
func override(t *testing.T, c *acctest.CLI) (rc []byte, plugin string) {
	t.Helper()
	for _, line := range c.Command(t, "version").Env {
		if name, found := strings.CutPrefix(line, "TF_CLI_CONFIG_FILE="); found {
			var err error
			if rc, err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, rest, _ := strings.Cut(string(rc), `dbxaccess/dbxaccess" = "`)
	plugin, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("no override in %s", rc)
	}
	return rc, plugin
}

// recordStderr replaces the provider by a script that runs it and records its standard error. The function that
// recordStderr returns reads what was recorded so far.
func recordStderr(t *testing.T, c *acctest.CLI) (said func() string) {
	t.Helper()
	rc, plugin := override(t, c)
	dir := t.TempDir()
	heard := filepath.Join(dir, "stderr")
	script := fmt.Sprintf("#!/bin/sh\nexec '%s/terraform-provider-dbxaccess' 2>>'%s'\n", plugin, heard)
	if err := os.WriteFile(filepath.Join(dir, "terraform-provider-dbxaccess"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, "cli.tfrc")
	if err := os.WriteFile(changed, bytes.ReplaceAll(rc, []byte(plugin), []byte(dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Env["TF_CLI_CONFIG_FILE"] = changed
	return func() string {
		text, err := os.ReadFile(heard)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}
