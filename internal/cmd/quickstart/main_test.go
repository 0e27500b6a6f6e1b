package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestQuickstart checks that the quick start succeeds, and that the commands that it prints with -keep work exactly as
// printed.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	demo := exec.CommandContext(t.Context(), "go", "run", "./internal/cmd/quickstart", "-keep")
	demo.Dir = "../../.." // make runs the quick start in the repository's root
	out, err := demo.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All of it as expected") {
		t.Fatalf("%v\n%s", err, out)
	}
	printed := regexp.MustCompile(`(?m)^  (cd /.*/example\n  \. .*\n  export .*)\n  (\S+) apply$`).FindStringSubmatch(
		string(out))
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
		t.Skip("needs curl on PATH, because the printed commands use it")
	}
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		cli = printed[2]
	}
	play := exec.CommandContext(t.Context(), "sh", "-c", "set -eu\n"+printed[1]+`
CLI=$0
export TF_VAR_token_lifetime_seconds=32400
"$CLI" apply -auto-approve -no-color >log
# The provider waits for a principal that is not found, within a minute after it was created.
move_clock 120 >>log
nightly
raise_grant
revoke_token
grant_others
nightly
"$CLI" apply -auto-approve -no-color >>log
remove_grant
forbid_tokens
make_admin
deactivate_principal
(cd ../watch && "$CLI" plan -no-color >>../example/log 2>&1) || echo "the watch fails"
delete_principal
"$CLI" apply -auto-approve -no-color >>log
recreate_endpoint
"$CLI" apply -auto-approve -no-color >>log
move_clock 22000
nightly
"$CLI" output -raw token >token
curl -sS -H "Authorization: Bearer $(cat token)" -H 'Content-Type: application/json' \
  -d '{"dataframe_records":[{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}]}' "$DBXACCESS_HOST/serving-endpoints/iris/invocations"
real_names
cd ../key-vault
"$CLI" plan -input=false -no-color >>../example/log
cd ../recipe-two
"$CLI" init -input=false -no-color >>../example/log
"$CLI" apply -auto-approve -input=false -no-color
`, cli)
	home := t.TempDir()
	play.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}
	out, err = play.CombinedOutput()
	said := string(out)
	dir := strings.TrimPrefix(strings.Split(printed[1], "\n")[0], "cd ")
	// after a failure the file may be missing; the failure itself is reported below
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	rest := said
	for _, text := range []string{
		"no changes\njob example: exit code 0\nno changes\njob watch: exit code 0",
		"differs in permission_level (CAN_MANAGE, should be CAN_QUERY)", "job example: exit code 2",
		"group_name=analysts holds CAN_QUERY", "job watch: exit code 1",
		"the watch fails", "is due for rotation\njob example: exit code 3\nno changes\njob watch: exit code 0",
		`{"predictions":["setosa"]}`,
		"Apply complete! Resources: 2 added",
	} {
		_, after, seen := strings.Cut(rest, text)
		if !seen {
			t.Errorf("not seen, or not in this order: %s", text)
			continue
		}
		rest = after
	}
	for _, text := range []string{"deactivated, and should be active", "in group admins and may not be",
		"Endpoint iris", "re-created under its name"} {
		if !strings.Contains(strings.Join(strings.Fields(string(log)), " "), text) {
			t.Errorf("not seen in a plan: %s", text)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("%v\n%s\n%s", err, said, log)
	}
}
