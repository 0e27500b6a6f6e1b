package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The demo is the first thing that anybody runs, and stops at the first thing that is not as it says. Kept, it prints
// commands that work as they are printed.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	demo := exec.CommandContext(t.Context(), "go", "run", "./internal/cmd/quickstart", "-keep")
	demo.Dir = "../../.." // as make runs it
	out, err := demo.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All of it as expected") {
		t.Fatalf("%v\n%s", err, out)
	}
	printed := regexp.MustCompile(`(?m)^  (cd /.*/example\n  \. .*\n  export .*)\n  (\S+) apply$`).FindStringSubmatch(string(out))
	stop := regexp.MustCompile(`(?m)^  (kill \d+ && rm -r \S+)$`).FindStringSubmatch(string(out))
	if printed == nil || stop == nil {
		t.Fatalf("no commands are printed:\n%s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("sh", "-c", stop[1]).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl is on PATH, which the printed commands use")
	}
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		cli = printed[2]
	}
	play := exec.CommandContext(t.Context(), "sh", "-c", "set -eu\n"+printed[1]+`
CLI=$0
export TF_VAR_token_lifetime_seconds=32400
"$CLI" apply -auto-approve -no-color >applied
remove_grant
revoke_token
code=0; "$CLI" plan -detailed-exitcode -no-color >drifted 2>&1 || code=$?
echo "plan after it: $code"
"$CLI" apply -auto-approve -no-color >>applied
recreate_endpoint
move_clock 22000
code=0; "$CLI" plan -detailed-exitcode -no-color >due 2>&1 || code=$?
echo "plan after the clock: $code"
real_names
cd ../key-vault
"$CLI" plan -input=false -no-color >>../example/applied
echo "the vault answers"
`, cli)
	home := t.TempDir()
	play.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}
	said, err := play.CombinedOutput()
	dir := filepath.Dir(strings.TrimPrefix(strings.Split(printed[1], "\n")[0], "cd "))
	plans := ""
	for _, name := range []string{"drifted", "due"} {
		text, _ := os.ReadFile(filepath.Join(dir, "example", name)) // absent after a failure, which is reported
		plans += string(text)
	}
	for text, in := range map[string]string{
		"plan after it: 2": string(said), "plan after the clock: 2": string(said), "the vault answers": string(said), "is revoked": string(said),
		"dbxaccess_serving_endpoint_permission.scoring will be created": plans, `"revoked"`: plans, `"due"`: plans, "re-created": plans,
	} {
		if !strings.Contains(in, text) {
			t.Errorf("not seen: %s", text)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("%v\n%s\n%s", err, said, plans)
	}
}
