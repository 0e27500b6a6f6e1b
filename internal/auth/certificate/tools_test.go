package certificate

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// tool is a row of testdata/tools/table.tsv.
type tool struct{ file, maker, password, openssl string }

func tools(t testing.TB) []tool {
	t.Helper()
	var rows []tool
	for line := range strings.Lines(string(testFile(t, "tools/table.tsv"))) {
		column := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(column) != 4 {
			t.Fatalf("row %q has %d columns", line, len(column))
		}
		rows = append(rows, tool{column[0], column[1], column[2], column[3]})
	}
	return rows
}

// TestFilesOfEveryTool checks that Parse opens every file that OpenSSL opens, whichever tool wrote the file, with the
// same certificate and without a warning. It also checks the texts in which people pass bundles on.
func TestFilesOfEveryTool(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(testFile(t, "tools/certificate.cer.pem"))
	want := fmt.Sprintf("%X", sha256.Sum256(block.Bytes))
	rows := tools(t)
	if len(rows) < 220 {
		t.Errorf("the table has %d rows", len(rows))
	}
	makers := map[string]int{}
	for _, row := range rows {
		makers[row.maker]++
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			c, warnings, err := Parse(testFile(t, "tools/"+row.file), row.password, Origin{})
			if err != nil {
				t.Fatalf("openssl %s it; here: %v", row.openssl, err)
			}
			if c.ThumbprintSHA256 != want {
				t.Errorf("another certificate came out: %v", c)
			}
			if len(warnings) != 0 {
				t.Errorf("warnings: %+v", warnings)
			}
			// The error for a wrong password must say so. The files of NSS and GnuTLS take a lot of work, so for GnuTLS
			// one file is checked, and for NSS none.
			if row.password == "" || strings.HasPrefix(row.file, "nss-") || strings.HasPrefix(row.file, "gnutls-") &&
				row.file != "gnutls-aes-256.p12" {
				return
			}
			_, _, err = Parse(testFile(t, "tools/"+row.file), "wrong-password-77", Origin{})
			wantError(t, err, "Client certificate password is wrong")
		})
	}
	for _, maker := range []string{"openssl", "gnutls", "nss", "keytool", "bouncycastle", "text"} {
		if makers[maker] == 0 {
			t.Errorf("no row of %s", maker)
		}
	}
}

// TestToolsTableMatchesOpenSSL checks that the table contains what OpenSSL 3 does with each file. It is skipped if
// OpenSSL 3 is not installed.
func TestToolsTableMatchesOpenSSL(t *testing.T) {
	t.Parallel()
	version, err := exec.CommandContext(t.Context(), "openssl", "version").Output()
	if err != nil || !strings.HasPrefix(string(version), "OpenSSL 3") {
		t.Skip("needs OpenSSL 3 on PATH, to compare it with the table")
	}
	for _, row := range tools(t) {
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			secret := row.password
			if strings.Contains(row.file, "latin1") {
				content, _ := latin1Of(secret)
				secret = string(content)
			}
			says := "refuses"
			for _, try := range opensslTries(row.file) {
				command := exec.CommandContext(t.Context(), "openssl", append(try.arguments, "-passin",
					"pass:"+secret)...)
				if command.Run() == nil {
					says = try.verdict
					break
				}
			}
			if says != row.openssl {
				t.Errorf("openssl %s it, and the table says %s", says, row.openssl)
			}
		})
	}
}

type opensslTry struct {
	verdict   string
	arguments []string
}

// opensslTries returns the commands with which OpenSSL may open a file. They are the same as in tools.sh.
func opensslTries(file string) []opensslTry {
	path := "testdata/tools/" + file
	if strings.HasSuffix(file, ".pem") {
		ask := []string{"pkey", "-noout", "-in", path}
		return []opensslTry{{"opens", ask}, {"opens with -legacy", append(ask[:4:4], "-provider", "legacy", "-provider",
			"default")}}
	}
	ask := []string{"pkcs12", "-nodes", "-in", path}
	return []opensslTry{{"opens", ask}, {"opens with -legacy", append(ask[:4:4], "-legacy")}}
}

// TestEveryCipherOfOpenSSL encrypts a key with every cipher that the installed OpenSSL lists, in both encryptions of
// PEM text. Parse must open every key that OpenSSL can read again, and the error for a wrong password must say so.
func TestEveryCipherOfOpenSSL(t *testing.T) {
	t.Parallel()
	legacy := []string{"-provider", "legacy", "-provider", "default"}
	openssl := func(arguments ...string) ([]byte, error) {
		return exec.CommandContext(t.Context(), "openssl", append(arguments, legacy...)...).Output()
	}
	list, err := openssl("list", "-cipher-algorithms")
	if err != nil {
		t.Skip("needs OpenSSL 3 with its legacy provider: the file legacy.so in the folder that `openssl version " +
			"-m` prints. Newer Debian and Ubuntu have it in the package openssl-provider-legacy, older ones in the " +
			"package of libssl")
	}
	names, name := map[string]bool{}, regexp.MustCompile(`[A-Za-z][A-Za-z0-9-]+`)
	for line := range strings.Lines(string(list)) {
		// A line names one cipher. An arrow leads from another name of a cipher to the name that has a line of its own, and
		// the further names in braces are other names, too.
		if first := name.FindString(line); first != "" && !strings.Contains(line, "=>") {
			names[strings.ToLower(first)] = true
		}
	}
	var opened atomic.Int64
	t.Run("ciphers", func(t *testing.T) {
		for name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, write := range [][]string{
					{"rsa", "-traditional", "-" + name},
					{"pkcs8", "-topk8", "-v2", name},
				} {
					key, err := openssl(append(write, "-in", "testdata/key-only.pem", "-passout", "pass:"+password)...)
					if err != nil || !bytes.Contains(key, []byte("ENCRYPTED")) {
						continue
					}
					bundle := append(key, testFile(t, "cert-only.pem")...)
					if _, _, err := Parse(bundle, password, Origin{}); err == nil {
						opened.Add(1)
						_, _, err = Parse(bundle, "wrong-password-77", Origin{})
						wantError(t, err, "Client certificate password is wrong")
						continue
					}
					path := filepath.Join(t.TempDir(), "key.pem")
					put(t, path, key)
					if _, failed := openssl("pkey", "-noout", "-in", path, "-passin", "pass:"+password); failed == nil {
						t.Errorf("openssl %s writes what it reads again; here: %v", strings.Join(write, " "), err)
					}
				}
			})
		}
	})
	if opened.Load() < 100 {
		t.Errorf("of %d names, %d files opened", len(names), opened.Load())
	}
}
