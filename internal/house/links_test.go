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

// TestLinksResolve checks that every link from README.md, .github/CONTRIBUTING.md and docs to a file of the repository,
// or to a heading in such a file, leads to an existing target.
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

// anchors returns the anchors of a page. It derives them from the headings as GitHub and the Terraform registry do, and
// adds the anchors that the page defines itself.
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
