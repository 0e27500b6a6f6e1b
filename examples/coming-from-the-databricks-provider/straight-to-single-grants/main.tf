# The whole list is given up for single grants. The removed block makes Terraform forget the list without destroying it, and
# each single grant adopts the level that the principal has. Nothing is written to the workspace.

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

removed {
  from = databricks_permissions.iris # or dbxaccess_serving_endpoint_permissions_exclusive.iris

  lifecycle {
    destroy = false
  }
}

resource "dbxaccess_serving_endpoint_permission" "scoring" {
  endpoint_name          = "iris"
  service_principal_name = var.scoring_application_id
  permission_level       = "CAN_QUERY"
}

resource "dbxaccess_serving_endpoint_permission" "ada" {
  endpoint_name    = "iris"
  user_name        = "ada@example.com"
  permission_level = "CAN_MANAGE"
}
