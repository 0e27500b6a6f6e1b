package certificate

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
)

// The log reports a certificate in the bundle that cannot be read, beside the client's own, because a function cannot
// warn.
func TestSkippedCertificateIsLogged(t *testing.T) {
	t.Parallel()
	file := func(name string) string {
		content, err := os.ReadFile("../../auth/certificate/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	for bundle, skipped := range map[string]bool{file("pkcs8.pem"): false,
		file("pkcs8.pem") + file("brainpool.pem"): true} {
		for name, called := range map[string]struct {
			function.Function
			result map[string]attr.Type
		}{"certificate_info": {NewCertificateInfo(), infoTypes}, "pfx_to_pem": {NewPFXToPEM(), pemTypes}} {
			var log bytes.Buffer
			req := function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{types.StringValue(bundle),
				types.StringNull()})}
			resp := function.RunResponse{Result: function.NewResultData(types.ObjectUnknown(called.result))}
			called.Run(tflogtest.RootLogger(t.Context(), &log), req, &resp)
			if resp.Error != nil {
				t.Fatalf("%s, skipped %t: %v", name, skipped, resp.Error)
			}
			if said := strings.Contains(log.String(), "Client certificate bundle has a certificate that cannot "+
				"be read"); said != skipped {
				t.Errorf("%s, skipped %t, logs %q", name, skipped, log.String())
			}
			if strings.Contains(log.String(), "PRIVATE KEY") {
				t.Errorf("%s logs a key", name)
			}
		}
	}
}
