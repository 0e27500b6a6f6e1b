# Incident: everything that one service principal can do in this workspace ends now. Deactivated, it is refused whatever it
# logs in with, and all its personal access tokens and OAuth secrets are deleted, whoever made them: re-activating brings none of them
# back.

terraform {
  required_version = ">= 1.11"
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

# A mistyped id is an error, also where this folder has a state of the last incident: never a new principal that is
# deactivated in place of the right one.
data "dbxaccess_service_principal" "suspect" {
  application_id = var.application_id
}

# Imported, not created, so that the plan shows what changes.
import {
  to = dbxaccess_service_principal.suspect
  id = var.application_id
}

resource "dbxaccess_service_principal" "suspect" {
  application_id = var.application_id
  active         = false    # and so delete_tokens_when_inactive and delete_oauth_secrets_when_inactive, which are true by default
  adopt_existing = true     # for -replace, see below
  on_destroy     = "retain" # throwing this away deletes nothing
}

# The proof: asked of the workspace after the fact.
data "dbxaccess_tokens" "left" {
  application_id = var.application_id
  depends_on     = [dbxaccess_service_principal.suspect]

  lifecycle {
    postcondition {
      condition     = length(self.tokens) == 0
      error_message = "Still there: ${join(", ", self.tokens[*].token_id)}. If it had been deactivated before, apply again with -replace=dbxaccess_service_principal.suspect."
    }
  }
}

data "dbxaccess_oauth_secrets" "left" {
  application_id = var.application_id
  depends_on     = [dbxaccess_service_principal.suspect]

  lifecycle {
    postcondition {
      condition     = length(self.secrets) == 0
      error_message = "OAuth secrets still there: ${join(", ", self.secrets[*].secret_id)}. If it had been deactivated before, apply again with -replace=dbxaccess_service_principal.suspect."
    }
  }
}

output "revoked" {
  value = "${dbxaccess_service_principal.suspect.display_name} (${var.application_id}) is deactivated and has ${length(data.dbxaccess_tokens.left.tokens)} tokens and ${length(data.dbxaccess_oauth_secrets.left.secrets)} OAuth secrets"
}
