package provider_test

import (
	"os"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

func TestQuickstart(t *testing.T) {
	t.Parallel()
	w := acctest.New(t)
	hcl, err := os.ReadFile("../../examples/quickstart/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	w.Test(t, resource.TestStep{
		Config: string(hcl),
		ConfigVariables: config.Variables{
			"scoring_application_id": config.StringVariable(w.ScoringApp.ClientID),
			"scoring_client_secret":  config.StringVariable(w.ScoringSecret),
		},
	})
}
