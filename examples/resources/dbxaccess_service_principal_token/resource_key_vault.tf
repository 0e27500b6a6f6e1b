# The same, kept out of the state: the value goes to Key Vault and to no other place. It is rotated ten days before its end,
# and the application has two days to read the new one before the first apply after that revokes the old one.
resource "dbxaccess_service_principal_token" "in_key_vault" {
  owner = {
    application_id = var.application_id
    key_vault = {
      vault_uri        = "https://kv-platform.vault.azure.net/"
      certificate_name = "scoring-app"
    }
  }
  comment               = "iris scoring, in Key Vault"
  scopes                = ["model-serving"]
  lifetime_seconds      = 30 * 24 * 60 * 60
  rotate_before_seconds = 10 * 24 * 60 * 60
  overlap_seconds       = 2 * 24 * 60 * 60

  key_vault_secret = {
    vault_uri    = "https://kv-scoring.vault.azure.net/"
    name         = "databricks-token"
    content_type = "text/plain"
  }

  depends_on = [dbxaccess_token_permission.scoring]
}
