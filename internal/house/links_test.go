package house_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	explicit = regexp.MustCompile(`<a id="([^"]+)"`)
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// Every link of README and docs to a file of the repository, and to a heading in it, leads somewhere.
func TestLinksResolve(t *testing.T) {
	root := repoRoot(t)
	pages := []string{filepath.Join(root, "README.md"), filepath.Join(root, ".github", "CONTRIBUTING.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(name string, _ fs.DirEntry, err error) error {
		if filepath.Ext(name) == ".md" {
			pages = append(pages, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllSubmatch(fenced.ReplaceAll(text, nil), -1) {
			to := string(found[1])
			if strings.Contains(to, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(to, "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", page, to)
				continue
			}
			if anchor != "" && !anchors(t, target)[anchor] {
				t.Errorf("%s: %s names no heading there", page, to)
			}
		}
	}
}

// anchors are made of headings as GitHub and the registry do.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, found := range heading.FindAllSubmatch(fenced.ReplaceAll(text, nil), -1) {
		plain := noAnchor.ReplaceAllString(strings.ToLower(string(bytes.TrimSpace(found[1]))), "")
		names[strings.ReplaceAll(plain, " ", "-")] = true
	}
	for _, found := range explicit.FindAllSubmatch(text, -1) {
		names[string(found[1])] = true
	}
	return names
}
