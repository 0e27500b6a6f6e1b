package server

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// show prepares the diagnostics of a response. Nearly every response has diagnostics, in a field of that name; a
// list of the types would miss the ones that a newer protocol adds.
func show(resp any) {
	if called, ok := resp.(*tfprotov6.CallFunctionResponse); ok && called != nil && called.Error != nil {
		called.Error.Text = web.Shown(called.Error.Text)
	}
	v := reflect.ValueOf(resp)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return
	}
	if field := v.Elem().FieldByName("Diagnostics"); field.IsValid() {
		if diagnostics, ok := field.Interface().([]*tfprotov6.Diagnostic); ok {
			shown(diagnostics)
		}
	}
}

// shown prepares diagnostics in place, and returns them.
func shown(diagnostics []*tfprotov6.Diagnostic) []*tfprotov6.Diagnostic {
	for _, d := range diagnostics {
		if d != nil {
			d.Summary, d.Detail = web.Shown(d.Summary), web.Shown(d.Detail)
		}
	}
	return diagnostics
}
