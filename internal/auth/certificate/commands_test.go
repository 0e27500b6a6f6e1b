//go:build unix

package certificate

import (
	"context"
	"encoding/pem"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// proposed matches the commands in a message.
var proposed = regexp.MustCompile(`(?:run|with): (.+?)(?:\. Then | \(OpenSSL before|$)`)

// need skips the test if a program is missing.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s on PATH, to run the command of a message", program)
	}
}

// run runs a command in a folder as a person would, and answers its questions. The command has no terminal, so it reads
// the answers from its input.
func run(t *testing.T, folder, line string, answers ...string) error {
	t.Helper()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-c", line)
	command.Dir = folder
	command.Stdin = strings.NewReader(strings.Join(answers, "\n") + "\n")
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := command.CombinedOutput()
	t.Logf("%s: %v\n%s", line, err, out)
	return err
}

func mustRun(t *testing.T, folder, line string, answers ...string) {
	t.Helper()
	if err := run(t, folder, line, answers...); err != nil {
		t.Fatal(err)
	}
}

// TestProposedCommands runs every command that a message suggests, unchanged, on a file that the message is about, and
// checks that Parse opens the result.
func TestProposedCommands(t *testing.T) {
	t.Parallel()
	const other = "another-horse-0452"
	file := func(name string) func(*testing.T, string) {
		return func(t *testing.T, to string) {
			t.Helper()
			put(t, to, testFile(t, name))
		}
	}
	made := func(line string, answers ...string) func(*testing.T, string) {
		return func(t *testing.T, to string) {
			t.Helper()
			put(t, filepath.Join(filepath.Dir(to), "pkcs8.pem"), testFile(t, "pkcs8.pem"))
			mustRun(t, filepath.Dir(to), strings.ReplaceAll(line, "OUT", "'"+filepath.Base(to)+"'"), answers...)
		}
	}
	withCertificate := func(key func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, to string) {
			t.Helper()
			key(t, to+".key")
			pem, err := os.ReadFile(to + ".key")
			if err != nil {
				t.Fatal(err)
			}
			put(t, to, append(testFile(t, "cert-only.pem"), pem...))
		}
	}
	const (
		exported  = "openssl pkcs12 -export -in pkcs8.pem -out OUT -passout pass:" + password
		twoAsked  = "openssl pkcs12 -export -in pkcs8.pem -out OUT -twopass"
		encrypted = "openssl pkcs8 -topk8 -in pkcs8.pem -out OUT -passout pass:" + password
	)
	again := []string{password, other, other} // the old password, and the new password twice
	// With less work than Parse allows, small files are enough to exceed the limit, so the test takes less time.
	const littleWork = 100_000
	parse := func(content []byte, password string, from Origin) (*Certificate, []Warning, error) {
		return parse(content, password, from, &budget{left: littleWork, memory: maxMemory})
	}
	var mu sync.Mutex
	ran := map[string]bool{}
	t.Run("commands", func(t *testing.T) {
		for name, test := range map[string]struct {
			make           func(*testing.T, string)
			password       string
			summary        string
			program        string
			answers        []string
			opens          string // the file that the command writes; "" for a command that only checks
			openedPassword string
		}{
			"check a PFX":        {file("modern.pfx"), other, "Client certificate password is wrong", "openssl", []string{password}, "", ""},
			"check a legacy PFX": {file("legacy.pfx"), other, "Client certificate password is wrong", "openssl", []string{password}, "", ""},
			"check a key":        {file("encrypted-aes.pem"), other, "Client certificate password is wrong", "openssl", []string{password}, "", ""},
			"check a legacy key": {file("tools/openssl-pkcs8-pbe-sha1-rc2-40.pem"), other, "Client certificate password is wrong", "openssl", []string{password}, "", ""},
			"check a DEK key":    {file("dek-info.pem"), other, "Client certificate password is wrong", "openssl", []string{password}, "", ""},
			"check a DES key":    {file("tools/openssl-pkcs1-des.pem"), other, "Client certificate password is wrong", "openssl", []string{password}, "", ""},
			"check PBES2 by DES": {file("tools/openssl-des-cbc.p12"), other, "Client certificate password is wrong", "openssl", []string{password}, "", ""},
			"two passwords": {made(twoAsked, password, password, other, other), password, "Client certificate has two passwords", "openssl",
				[]string{password, other, other, other}, "new.pem", other},
			"bad MAC": {made(twoAsked, other, other, password, password), password, "Client certificate was changed after it was written", "openssl",
				again, "new.pem", other},
			"too much work": {made(exported + " -iter 150000 -certpbe NONE -nomaciter"), password, "Client certificate takes too much work to decrypt", "openssl",
				again, "new.pem", other},
			"too much work for a key": {withCertificate(made(encrypted + " -iter 150000")), password, "Client certificate takes too much work to decrypt", "openssl",
				again, "new.pfx", other},
			"key alone":     {file("key-only.pem"), "", "Client certificate is missing beside its key", "openssl", []string{other, other}, "new.pfx", other},
			"key in DER":    {file("key.der"), "", "Client certificate is missing beside its key", "openssl", nil, "new.pem", ""},
			"encrypted key": {made(encrypted + " -outform DER"), password, "Client certificate is missing beside its key", "openssl", again[:1], "new.pem", ""},
			"EC key":        {file("ec-sec1.pem"), "", "Client certificate key is not RSA", "openssl", nil, "new.pem", ""},
			"short key":     {file("short.pem"), "", "Client certificate key is too short", "openssl", nil, "new.pem", ""},
			"JKS":           {file("keytool.jks"), "", "Client certificate is a Java keystore", "keytool", []string{other, other, password}, "new.p12", other},
			"JCEKS":         {file("keytool.jceks"), "", "Client certificate is a Java keystore", "keytool", []string{other, other, password}, "new.p12", other},
			"OpenSSH":       {file("openssh.pem"), "", "Client certificate key is in the format of OpenSSH", "ssh-keygen", []string{"", ""}, "new.pem", ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				need(t, test.program)
				need(t, "openssl")
				folder := t.TempDir()
				bundle := filepath.Join(folder, "the bundle")
				test.make(t, bundle)
				put(t, filepath.Join(folder, "cert.pem"), testFile(t, "cert-only.pem"))
				content, err := os.ReadFile(bundle)
				if err != nil {
					t.Fatal(err)
				}
				if block := blockOf(content, "OPENSSH PRIVATE KEY"); block != nil {
					put(t, filepath.Join(folder, "old.key"), pem.EncodeToMemory(block)) // as the message says
				}
				_, _, err = parse(content, test.password, Origin{File: bundle})
				e := wantError(t, err, test.summary)
				found := proposed.FindAllStringSubmatch(e.Detail, -1)
				if found == nil {
					t.Fatalf("no command in %q", e.Detail)
				}
				for _, command := range found {
					mustRun(t, folder, command[1], test.answers...)
					mu.Lock()
					ran[strings.ReplaceAll(command[1], "'"+bundle+"'", "FILE")] = true
					mu.Unlock()
				}
				if test.opens == "" {
					for _, command := range found {
						if run(t, folder, command[1], test.password) == nil {
							t.Error("the command finds nothing wrong with the wrong password")
						}
					}
					return
				}
				mended, err := os.ReadFile(filepath.Join(folder, test.opens))
				if err != nil {
					t.Fatal(err)
				}
				if _, warnings, err := parse(mended, test.openedPassword, Origin{}); err != nil || len(warnings) != 0 {
					t.Errorf("what the command wrote does not open: %v, %v", warnings, err)
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	for _, program := range []string{"openssl", "keytool", "ssh-keygen"} {
		need(t, program)
	}
	for name, command := range allCommands(t) {
		tested := false
		for line := range ran {
			tested = tested || strings.HasPrefix(line, command)
		}
		if !tested {
			t.Errorf("%s (%s) was never run", name, command)
		}
	}
}

// allCommands returns the commands that are constants of commands.go, by name.
func allCommands(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "commands.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = text
		}
		return true
	})
	if len(found) < 9 {
		t.Errorf("found %d commands", len(found))
	}
	return found
}

// TestCommandsAreConstants checks that every command in a message is a constant of commands.go, because
// TestProposedCommands tests only these.
func TestCommandsAreConstants(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile(`\b(openssl [a-z]|keytool -|ssh-keygen -|certutil -|certtool -|cat [a-z.]+ )`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "commands.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && program.MatchString(literal.Value) {
				t.Errorf("%s: %s has a command; write it as a constant of commands.go", name, literal.Value)
			}
			return true
		})
	}
}

func blockOf(content []byte, label string) *pem.Block {
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil || block.Type == label {
			return block
		}
	}
}
