# The same, limited to scoring and kept out of the state: the value goes to Key Vault and to no other place. It is rotated
# ten days before its end, and the application has two days to read the new one before the first apply after that deletes
# the old one.
resource "dbxaccess_service_principal_oauth_secret" "in_key_vault" {
  application_id        = var.application_id
  scopes                = ["model-serving"]
  lifetime_seconds      = 30 * 24 * 60 * 60
  rotate_before_seconds = 10 * 24 * 60 * 60
  overlap_seconds       = 2 * 24 * 60 * 60

  key_vault_secret = {
    vault_uri    = "https://kv-scoring.vault.azure.net/"
    name         = "databricks-oauth-secret"
    content_type = "text/plain"
  }
}
