package certificate

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os/exec"
	"strings"
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

// Whatever OpenSSL opens opens here, whichever tool made it: with the same certificate,
// and without a warning. So does the text in which bundles travel.
func TestEveryTool(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(testFile(t, "tools/certificate.cer.pem"))
	want := fmt.Sprintf("%X", sha256.Sum256(block.Bytes))
	rows := tools(t)
	if len(rows) < 190 {
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
			// A wrong password is called that. NSS and GnuTLS ask for a lot of work, so a file of each will do.
			if row.password == "" || strings.HasPrefix(row.file, "nss-") || strings.HasPrefix(row.file, "gnutls-") && row.file != "gnutls-aes-256.p12" {
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

// The table says what OpenSSL 3 says. Where that is installed, it is asked again.
func TestToolsTableIsTrue(t *testing.T) {
	t.Parallel()
	version, err := exec.CommandContext(t.Context(), "openssl", "version").Output()
	if err != nil || !strings.HasPrefix(string(version), "OpenSSL 3") {
		t.Skip("needs OpenSSL 3 on PATH, to compare it with the table")
	}
	for _, row := range tools(t) {
		if strings.HasSuffix(row.file, ".pem") || strings.Contains(row.file, "latin1") {
			continue // openssl pkey was asked about the key alone; latin1 needs another encoding of the password
		}
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			says := "refuses"
			for _, try := range []struct{ verdict, option string }{{"opens", "-nodes"}, {"opens with -legacy", "-legacy"}} {
				command := exec.CommandContext(t.Context(), "openssl", "pkcs12", "-in", "testdata/tools/"+row.file, "-passin", "pass:"+row.password, "-nodes", try.option)
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
