variable "application_id" {
  description = "Application (client) id of the app registration in Entra ID."
  type        = string
}

# An application of Entra ID becomes a member of the workspace.
resource "dbxaccess_service_principal" "scoring" {
  application_id = var.application_id
  display_name   = "iris-scoring"
  entitlements   = []
}

# Without an application id, Databricks makes a service principal of its own.
resource "dbxaccess_service_principal" "nightly" {
  display_name = "nightly-batch"
}
