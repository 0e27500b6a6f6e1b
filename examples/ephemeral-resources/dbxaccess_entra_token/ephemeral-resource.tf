# The provider's own bearer token, for something else that has to call the workspace.
ephemeral "dbxaccess_entra_token" "workspace" {
  audience = "databricks"
}

locals {
  headers = { Authorization = "Bearer ${ephemeral.dbxaccess_entra_token.workspace.access_token}" }
}
