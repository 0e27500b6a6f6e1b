package server

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// TestDiagnosticsOfEveryResponseAreShown checks that show prepares every type of response that has messages for a
// person.
func TestDiagnosticsOfEveryResponseAreShown(t *testing.T) {
	const secret = "the-secret-of-TestDiagnosticsOfEveryResponse"
	web.Conceal(secret)
	prepared := 0
	for method := range reflect.TypeFor[framework]().Methods() {
		resp := reflect.New(method.Type.Out(0).Elem())
		field := resp.Elem().FieldByName("Diagnostics")
		if !field.IsValid() {
			continue
		}
		field.Set(reflect.ValueOf([]*tfprotov6.Diagnostic{nil, {Summary: "a " + secret, Detail: "line\n\x1b[2J" +
			secret}}))
		show(resp.Interface())
		d := field.Interface().([]*tfprotov6.Diagnostic)[1]
		if d.Summary != "a (hidden)" || d.Detail != "line\n\\x1b[2J(hidden)" {
			t.Errorf("%s: %q, %q", method.Name, d.Summary, d.Detail)
		}
		prepared++
	}
	if prepared < 20 {
		t.Errorf("%d responses", prepared)
	}
	called := &tfprotov6.CallFunctionResponse{Error: &tfprotov6.FunctionError{Text: secret}}
	show(called)
	if strings.Contains(called.Error.Text, secret) {
		t.Error("the error of a function repeats a secret")
	}
	show((*tfprotov6.CallFunctionResponse)(nil))
}
