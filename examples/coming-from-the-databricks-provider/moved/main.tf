# Three resources of the official provider are converted by moved blocks. Nothing is re-created, and the plan says
# "0 to add, 0 to change, 0 to destroy".

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

variable "deployer_application_id" {
  description = "Application (client) id of the pipeline's own service principal."
  type        = string
}

variable "scoring_client_secret" {
  description = "Its client secret. Neither plan nor state holds it."
  type        = string
  sensitive   = true
  ephemeral   = true
}

moved {
  from = databricks_service_principal.scoring
  to   = dbxaccess_service_principal.scoring
}

resource "dbxaccess_service_principal" "scoring" {
  application_id = var.scoring_application_id
  display_name   = "iris scoring"
}

moved {
  from = databricks_permissions.iris
  to   = dbxaccess_serving_endpoint_permissions_exclusive.iris
}

resource "dbxaccess_serving_endpoint_permissions_exclusive" "iris" {
  endpoint_name = "iris"
  users         = { "ada@example.com" = "CAN_MANAGE" }
  service_principals = {
    (dbxaccess_service_principal.scoring.application_id) = "CAN_QUERY"
    # The official provider gave this to whoever ran it, and did not show it. Left out here, the plan shows that it goes.
    (var.deployer_application_id) = "CAN_MANAGE"
  }
}

moved {
  from = databricks_token.scoring
  to   = dbxaccess_service_principal_token.scoring
}

resource "dbxaccess_service_principal_token" "scoring" {
  owner = {
    application_id   = dbxaccess_service_principal.scoring.application_id
    client_secret_wo = var.scoring_client_secret
  }
  comment          = "iris scoring"
  lifetime_seconds = 7776000 # what it has: another lifetime makes a new token
}
