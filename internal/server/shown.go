package server

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// show passes the messages of a response through [web.Shown].
func show(resp any) {
	if called, ok := resp.(*tfprotov6.CallFunctionResponse); ok && called != nil && called.Error != nil {
		called.Error.Text = web.Shown(called.Error.Text)
	}
	if diagnostics := diagnosticsOf(resp); diagnostics != nil {
		shown(*diagnostics)
	}
}

// diagnosticsOf returns the field Diagnostics of a response; nil if the response has none. A list of the response types
// would miss those that a newer protocol adds, so reflection finds the field.
func diagnosticsOf(resp any) *[]*tfprotov6.Diagnostic {
	v := reflect.ValueOf(resp)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	field := v.Elem().FieldByName("Diagnostics")
	if !field.IsValid() {
		return nil
	}
	diagnostics, _ := field.Addr().Interface().(*[]*tfprotov6.Diagnostic)
	return diagnostics
}

// shown passes diagnostics through [web.Shown], in place, and returns them.
func shown(diagnostics []*tfprotov6.Diagnostic) []*tfprotov6.Diagnostic {
	for _, d := range diagnostics {
		if d != nil {
			d.Summary, d.Detail = web.Shown(d.Summary), web.Shown(d.Detail)
		}
	}
	return diagnostics
}
