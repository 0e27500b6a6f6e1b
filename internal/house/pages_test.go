package house_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// foreignWords holds phrases that readers find hard to understand, each with a proposal for a replacement.
var foreignWords = map[*regexp.Regexp]string{
	regexp.MustCompile(`(?i)\b(is|are) told\b`):                          "is reported",
	regexp.MustCompile(`(?i)\b(made|makes|making) (it )?(anew|again)\b`): "re-created",
	regexp.MustCompile(`(?i)\bof which\b`):                               "a sentence of its own",
	regexp.MustCompile(`(?i)\bstands? on\b`):                             "is on",
	regexp.MustCompile(`(?i)\b(taken|takes) (it |all of them )?over\b`):  "adopted",
	regexp.MustCompile(`(?i)\bfor good\b`):                               "permanently",
	regexp.MustCompile(`(?i)\b(shall|himself)\b`):                        "must, or the name of who it is",
	regexp.MustCompile(`(?i)\bwithout a word\b`):                         "without a warning",
}

// written returns the texts of the pages for users and contributors, including the generated pages in docs, by path.
func written(t *testing.T) map[string]string {
	t.Helper()
	root := repoRoot(t)
	names := []string{"README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md"}
	for _, folder := range []string{"templates", "docs"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, entry fs.DirEntry, err error) error {
			if ext := filepath.Ext(name); ext == ".md" || ext == ".tmpl" {
				rel, _ := filepath.Rel(root, name)
				names = append(names, filepath.ToSlash(rel))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	texts := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

// TestPlainEnglish checks that the pages do not contain any phrase of foreignWords. The pages in docs contain the
// schema's descriptions, so the rule also applies to those.
func TestPlainEnglish(t *testing.T) {
	texts := written(t)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		number := 0
		for line := range strings.Lines(texts[name]) {
			number++
			for phrase, instead := range foreignWords {
				if found := phrase.FindString(line); found != "" {
					t.Errorf("%s:%d: write %q in place of %q: %s", name, number, instead, found, strings.TrimSpace(line))
				}
			}
		}
	}
}

// longest is the largest number of characters in a schema description, because editors show descriptions in tooltips.
// Reasons belong into the notes of the page.
const longest = 300

func TestDescriptionsAreShort(t *testing.T) {
	check := func(path string, description any) {
		if text, _ := description.(string); utf8.RuneCountInString(text) > longest {
			t.Errorf("%s: its description has %d characters, of at most %d: move the reasons to the notes of its page in templates/",
				path, utf8.RuneCountInString(text), longest)
		}
	}
	for path, block := range blocks(t) {
		check(path, block["description"])
	}
	attributes(t, func(a attribute) { check(a.path, a.object["description"]) })
}

var (
	subcategory = regexp.MustCompile(`(?m)^subcategory: "(Access|Identity|Credentials|Inventory)"$`)
	guideTitle  = regexp.MustCompile(`(?m)^page_title: ".+"$`)
)

// TestPagesHaveTheSameParts checks that every page of the documentation has the required parts in the same order.
func TestPagesHaveTheSameParts(t *testing.T) {
	// the last part is "## Schema" or "## Signature"
	parts := []string{"\n**Use this when** ", "\n## Example Usage\n", "\n## Needs\n", "\n## Notes\n", "\n## S"}
	does := []string{"\n## What it does\n", "\n- **Create**: ", "\n- **Refresh**: ", "\n- **Change**: ", "\n- **Destroy**: "}
	pages, texts := 0, written(t)
	for name, text := range texts {
		folder := strings.Split(name, "/")
		if folder[0] != "docs" || len(folder) < 3 {
			continue
		}
		if folder[1] == "guides" {
			if !guideTitle.MatchString(text) {
				t.Errorf("%s has no title", name)
			}
			if !strings.Contains(texts["docs/index.md"], "(guides/"+folder[2]+")") {
				t.Errorf("docs/index.md has no link to %s: add one to templates/index.md.tmpl", name)
			}
			continue
		}
		pages++
		template := "write templates/" + strings.TrimPrefix(name, "docs/") + ".tmpl as its neighbours are"
		if !subcategory.MatchString(text) {
			t.Errorf("%s has no subcategory of ours: %s", name, template)
		}
		want := parts
		if folder[1] == "resources" {
			want = slices.Concat(parts[:3], does, parts[3:])
		}
		at := 0
		for _, part := range want {
			i := strings.Index(text[at:], part)
			if i < 0 {
				t.Errorf("%s lacks %q, or has it in another place: %s", name, strings.TrimSpace(part), template)
				break
			}
			at += i
		}
	}
	if pages < 30 {
		t.Errorf("only %d pages found", pages)
	}
}
