variable "application_id" {
  description = "Application (client) id of a service principal that is in the workspace."
  type        = string
}

# The application may use personal access tokens. Destroying this deletes the tokens it has.
resource "dbxaccess_token_permission" "scoring" {
  service_principal_name = var.application_id
}
