package house_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// foreignWords holds phrases that readers find hard to understand, each with a proposal for a replacement. Each begins
// with letters, which makes the search fast, and is compared with text in lower case.
var foreignWords = map[*regexp.Regexp]string{
	regexp.MustCompile(`told\b`):                                       "is reported",
	regexp.MustCompile(`ma(de|kes|king) (it )?again\b`):                "re-created",
	regexp.MustCompile(`anew\b`):                                       "again, or re-created",
	regexp.MustCompile(`of which\b`):                                   "a sentence of its own",
	regexp.MustCompile(`stands? on\b`):                                 "is on",
	regexp.MustCompile(`t(ake|aken|akes|ook) (it |all of them )?over`): "adopted",
	regexp.MustCompile(`for good\b`):                                   "permanently",
	regexp.MustCompile(`shall\b`):                                      "must",
	regexp.MustCompile(`himself\b`):                                    "the name of who it is",
	regexp.MustCompile(`without a word\b`):                             "without a warning",
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

// TestPlainEnglish checks that no file of the project contains a phrase of foreignWords, except the licences, data of
// tests and the list itself.
func TestPlainEnglish(t *testing.T) {
	for name, text := range projectFiles(t) {
		if path.Base(name) == "LICENSE" || strings.Contains(name, "/testdata/") ||
			name == "internal/house/pages_test.go" {
			continue
		}
		for phrase, instead := range foreignWords {
			for _, at := range phrase.FindAllIndex(bytes.ToLower(text), -1) {
				line := 1 + bytes.Count(text[:at[0]], []byte("\n"))
				t.Errorf("%s:%d: write %q in place of %q", name, line, instead, text[at[0]:at[1]])
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
			t.Errorf("%s: its description has %d characters, of at most %d: move the reasons to the notes of its "+
				"page in templates/",
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
	does := []string{"\n## What it does\n", "\n- **Create**: ", "\n- **Refresh**: ", "\n- **Change**: ",
		"\n- **Destroy**: "}
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
