package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const gpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU General
Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any
later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied
warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details.

You should have received a copy of the GNU General Public License along with this program. If not, see
<https://www.gnu.org/licenses/>.
`

func TestLicencesIn(t *testing.T) {
	mpl, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, text, says string }{
		"allowed":     {"LICENSE", string(mpl), ""},
		"no file":     {"README", string(mpl), "there is no licence file"},
		"not allowed": {"COPYING", gpl, "is not allowed"},
		"unknown":     {"LICENSE.md", "All rights reserved. Ask us before you read on.", "is a known licence by 0 % only"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, test.file), []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			names, err := licencesIn(folder)
			if test.says == "" {
				if err != nil || strings.Join(names, " ") != "MPL-2.0" {
					t.Errorf("%v, %v", names, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it says %v", err)
			}
		})
	}
}
