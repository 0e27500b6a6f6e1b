# The same application, without a secret on this machine: the deployer's certificate is read from Key Vault, and the
# application's token is written there and is in no state.

terraform {
  required_version = ">= 1.11"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

variable "vault_uri" {
  description = "The vault, such as https://kv-dbxaccess.vault.azure.net/."
  type        = string
}

variable "vault_identity_client_id" {
  description = "Client id of the managed identity that may read the vault."
  type        = string
}

variable "scoring_application_id" {
  description = "Application (client) id of the application, which the quick start gave access."
  type        = string
}

variable "scoring_client_secret" {
  description = "Its client secret. Neither plan nor state holds it."
  type        = string
  sensitive   = true
  ephemeral   = true
}

provider "dbxaccess" {
  key_vault = {
    vault_uri        = var.vault_uri
    auth             = "msi"
    auth_client_id   = var.vault_identity_client_id
    certificate_name = "sp-databricks"

    client_id_secret_name  = "sp-app-id"
    tenant_id_secret_name  = "sp-tenant-id"
    thumbprint_secret_name = "sp-thumbprint"
  }
}

data "dbxaccess_current_identity" "deployer" {}

resource "dbxaccess_service_principal_token" "scoring" {
  owner = {
    application_id   = var.scoring_application_id
    client_secret_wo = var.scoring_client_secret
  }
  comment          = "iris scoring, in Key Vault"
  scopes           = ["model-serving"]
  lifetime_seconds = 30 * 24 * 60 * 60

  key_vault_secret = {
    vault_uri = var.vault_uri
    name      = "iris-token"
  }
}

# Proof: the provider reads the token from the vault and scores a flower with it.
data "dbxaccess_serving_endpoint_query" "proof" {
  endpoint_name  = "iris"
  query_as       = "key_vault_secret"
  store_response = true
  key_vault_secret = {
    vault_uri = dbxaccess_service_principal_token.scoring.key_vault_secret.vault_uri
    name      = dbxaccess_service_principal_token.scoring.key_vault_secret.name
  }
  request = jsonencode({
    dataframe_records = [
      { sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 },
    ]
  })

  depends_on = [dbxaccess_service_principal_token.scoring]
}

output "login" {
  value = "${data.dbxaccess_current_identity.deployer.display_name} by ${data.dbxaccess_current_identity.deployer.auth_type}"
}

output "species" {
  value = nonsensitive(jsondecode(data.dbxaccess_serving_endpoint_query.proof.response).predictions)
}
