# One principal leaves the whole list for a grant of its own. Both changes are one apply: the list ignores the principal from
# then on, and the single grant adopts the level that the principal has. Nothing is written to the workspace.

terraform {
  required_version = ">= 1.11"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

variable "scoring_application_id" {
  description = "Application (client) id of the service principal that scores."
  type        = string
}

resource "dbxaccess_serving_endpoint_permissions_exclusive" "iris" {
  endpoint_name = "iris"
  users         = { "ada@example.com" = "CAN_MANAGE" }

  ignore_principals = ["service_principal_name=${var.scoring_application_id}"] # was in service_principals
}

resource "dbxaccess_serving_endpoint_permission" "scoring" {
  endpoint_name          = "iris"
  service_principal_name = var.scoring_application_id
  permission_level       = "CAN_QUERY"
}
