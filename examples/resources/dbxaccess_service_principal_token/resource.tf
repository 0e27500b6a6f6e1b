variable "application_id" {
  description = "Application (client) id of a service principal that is in the workspace."
  type        = string
}

variable "client_secret" {
  description = "Its client secret. Neither plan nor state holds it."
  type        = string
  sensitive   = true
  ephemeral   = true
}

resource "dbxaccess_token_permission" "scoring" {
  service_principal_name = var.application_id
}

# A token that belongs to the application. The provider logs in as the application to make it.
resource "dbxaccess_service_principal_token" "scoring" {
  owner = {
    application_id   = var.application_id
    client_secret_wo = var.client_secret
  }
  comment          = "iris scoring"
  scopes           = ["model-serving"] # without it the token has all rights of its owner
  lifetime_seconds = 30 * 24 * 60 * 60

  depends_on = [dbxaccess_token_permission.scoring]
}

output "token" {
  description = "Give this to the application."
  value       = dbxaccess_service_principal_token.scoring.token_value
  sensitive   = true
}
