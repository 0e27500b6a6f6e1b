# Incident: everything that one service principal can do in this workspace ends now, by one command that leaves no state.

terraform {
  required_version = ">= 1.14"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

variable "application_id" {
  description = "Application (client) id of the service principal, a UUID."
  type        = string
}

action "dbxaccess_revoke_credentials" "suspect" {
  config {
    application_id = var.application_id
  }
}
