# A pipeline logs in with a certificate that lives in Key Vault, proves that the login works, and shows who it is.
# Certificate, application id, tenant id and thumbprint are all read from the vault, by name; nothing is converted and
# nothing is copied. Then it lets the next pipeline in as an admin, as somebody did for this one.

terraform {
  required_version = ">= 1.11"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

variable "host" {
  description = "The workspace, such as https://adb-1234567890123456.7.azuredatabricks.net."
  type        = string
}

variable "vault_uri" {
  description = "The vault, such as https://kv-ml.vault.azure.net/."
  type        = string
}

variable "vault_identity_client_id" {
  description = "Client id of the managed identity that may read the vault (role Key Vault Secrets User)."
  type        = string
}

variable "next_application_id" {
  description = "Application (client) id of the next pipeline's service principal."
  type        = string
}

provider "dbxaccess" {
  host = var.host

  key_vault = {
    vault_uri      = var.vault_uri
    auth           = "msi"
    auth_client_id = var.vault_identity_client_id

    certificate_name       = "databricks-deployer"
    client_id_secret_name  = "databricks-deployer-client-id"
    tenant_id_secret_name  = "databricks-deployer-tenant-id"
    thumbprint_secret_name = "databricks-deployer-thumbprint"

    # Only for a PFX that was stored as a secret. A certificate of Key Vault has no password: the vault drops it.
    # certificate_password_secret_name = "databricks-deployer-password"
  }
}

# The smoke test: the workspace takes the login. Any member may list clusters, and no cluster is an answer, too.
data "dbxaccess_clusters" "smoke_test" {}

data "dbxaccess_current_identity" "deployer" {}

# What the recipe begins with, for the next service principal: into the workspace, and into the group admins. That takes an
# admin, so somebody has done it once by hand for the login that runs this (or it came in with azure_workspace_admin_login).
resource "dbxaccess_service_principal" "next" {
  application_id = var.next_application_id
  display_name   = "next pipeline"
}

resource "dbxaccess_group_member" "next_admin" {
  group_name     = "admins"
  application_id = dbxaccess_service_principal.next.application_id
}

output "deployer" {
  description = "Who is logged in, by which certificate, and until when that is good."
  value = {
    application_id = data.dbxaccess_current_identity.deployer.application_id
    thumbprint     = data.dbxaccess_current_identity.deployer.certificate_thumbprint_sha1
    expires_at     = data.dbxaccess_current_identity.deployer.certificate_expires_at
    tenant         = jsondecode(data.dbxaccess_current_identity.deployer.token_claims).tid
  }
}

output "clusters" {
  description = "What the login sees."
  value       = [for c in data.dbxaccess_clusters.smoke_test.clusters : "${c.name} (${c.state})"]
}
