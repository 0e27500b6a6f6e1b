variable "application_id" {
  description = "Application (client) id of the app registration in Entra ID."
  type        = string
}

resource "dbxaccess_service_principal" "deployer" {
  application_id = var.application_id
  display_name   = "model-deployer"
}

# Whoever deploys access for others must be a workspace admin.
resource "dbxaccess_group_member" "deployer" {
  group_name     = "admins"
  application_id = dbxaccess_service_principal.deployer.application_id
}
