package client_test

import (
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// testObject is an answer about the object with the id 7.
type testObject struct {
	ID string `json:"id"`
}

func (t *testObject) Lacks(bool) string { return client.CheckName("id", t.ID, "7") }

func TestWhichBodiesAreAnswers(t *testing.T) {
	t.Parallel()
	const whole, page = `{"id":"7"}`, "<!doctype html><html><head><title> Sign in &amp;\n wait\x07 </title></head></html>"
	for name, tc := range map[string]struct {
		status     int
		body, form string
		want       client.Answer
		lost       string // text of the error; empty if there is none
	}{
		"the answer":                          {want: &testObject{}, body: whole},
		"with another content type":           {want: &testObject{}, body: whole, form: "text/html"},
		"a page":                              {want: &testObject{}, body: page, form: "text/html", lost: `an HTML page with the title “Sign in & wait`},
		"page with the content type of JSON":  {want: &testObject{}, body: page, form: "application/json", lost: `an HTML page with the title`},
		"a page without a title":              {want: &testObject{}, body: "<html></html>", lost: "an HTML page without a title"},
		"page where no answer is expected":    {body: page, lost: "an HTML page with the title"},
		"text":                                {want: &testObject{}, body: "ok", lost: "text that is not JSON"},
		"null":                                {want: &testObject{}, body: "null", lost: "JSON null"},
		"null where no answer is expected":    {body: "null", lost: "JSON null"},
		"a list":                              {want: &testObject{}, body: "[" + whole + "]", lost: "a JSON array"},
		"a number for a name":                 {want: &testObject{}, body: `{"id":7}`, lost: "JSON of another form"},
		"cut off":                             {want: &testObject{}, body: whole[:5], lost: "damaged or cut off"},
		"cut off where no answer is expected": {body: whole[:5], lost: "damaged or cut off"},
		"something behind it":                 {want: &testObject{}, body: whole + "x", lost: "damaged or cut off"},
		"no field of it":                      {want: &testObject{}, body: "{}", lost: "the answer has no id"},
		"another object":                      {want: &testObject{}, body: `{"id":"8\u0007"}`, lost: "the id in the answer is 8.*, not 7"},
		"204":                                 {want: &testObject{}, status: http.StatusNoContent, lost: "an empty body"},
		"an error in disguise":                {want: &testObject{}, body: `{"id":"7","error_code":"NOT_FOUND","message":"gone"}`, lost: "200 NOT_FOUND: .* an error with a success status: gone"},
		"error where no answer is expected":   {body: `{"error_code":403,"message":"blocked"}`, lost: "an error with a success status: blocked"},
		"a SCIM error":                        {body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"no","status":"404"}`, lost: "an error with a success status: no"},
		"no error":                            {want: &testObject{}, body: `{"id":"7","error_code":null}`},
		"{} where no answer is expected":      {body: "{}"},
		"204 where no answer is expected":     {status: http.StatusNoContent},
		"an optional one":                     {want: &client.Optional{Answer: &testObject{}}, body: whole},
		"an optional one, {}":                 {want: &client.Optional{Answer: &testObject{}}, body: " { } "},
		"an optional one, 204":                {want: &client.Optional{Answer: &testObject{}}, status: http.StatusNoContent},
		"an optional one of others":           {want: &client.Optional{Answer: &testObject{}}, body: `{"id":"8"}`, lost: "the id in the answer is 8.*, not 7"},
		"an optional page":                    {want: &client.Optional{Answer: &testObject{}}, body: page, lost: "an HTML page with the title"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			f := emulator.Fault{Service: "workspace", Status: cmp.Or(tc.status, http.StatusOK), Body: tc.body,
				Empty: tc.body == "", ContentType: cmp.Or(tc.form, "application/json"), Times: -1}
			w.Tenant.Faults.Add(f)
			c := w.as(t, w.PersonToken)
			for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPost} {
				err := c.Call(t.Context(), method, "/api/2.0/things/7", nil, nil, tc.want)
				if tc.lost == "" {
					if err != nil {
						t.Errorf("%s: %v", method, err)
					}
					continue
				}
				if !errors.Is(err, client.ErrNotAnAnswer) || !regexp.MustCompile(tc.lost).MatchString(err.Error()) ||
					!strings.Contains(err.Error(), method+" /api/2.0/things/7") ||
					!strings.Contains(err.Error(), strings.TrimPrefix(w.server.WorkspaceURLs[0], "https://")) {
					t.Errorf("%s: %v", method, err)
				}
				if lost := errors.Is(err, client.ErrAnswerLost); lost != (method != http.MethodGet) {
					t.Errorf("%s: the answer counts as lost: %t", method, lost)
				}
				if errors.Is(err, client.ErrNotFound) {
					t.Errorf("%s: not found", method)
				}
			}
			n := 0
			for _, e := range w.Tenant.Journal.Entries() {
				if strings.HasSuffix(e.Path, "/things/7") {
					n++
				}
			}
			if n != 3 {
				t.Errorf("%d requests for three calls", n)
			}
		})
	}
}
