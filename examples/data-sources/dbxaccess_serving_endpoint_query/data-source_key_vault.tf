# The same with a token that is in Key Vault and in no state: the provider reads it there, with its own identity.
resource "dbxaccess_service_principal_token" "in_key_vault" {
  owner = {
    application_id   = var.application_id
    client_secret_wo = var.client_secret
  }
  key_vault_secret = {
    vault_uri = "https://kv-scoring.vault.azure.net/"
    name      = "databricks-token"
  }
}

data "dbxaccess_serving_endpoint_query" "proof_from_key_vault" {
  endpoint_name = "iris"
  query_as      = "key_vault_secret"
  key_vault_secret = {
    vault_uri = dbxaccess_service_principal_token.in_key_vault.key_vault_secret.vault_uri
    name      = dbxaccess_service_principal_token.in_key_vault.key_vault_secret.name
  }
  request = jsonencode({
    dataframe_records = [
      { sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 },
    ]
  })

  depends_on = [
    dbxaccess_serving_endpoint_permission.scoring,
    dbxaccess_service_principal_token.in_key_vault,
  ]
}
