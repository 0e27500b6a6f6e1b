variable "application_id" {
  description = "Application (client) id of a service principal that is in the workspace."
  type        = string
}

# An OAuth secret of the application. A workspace admin creates it; nobody logs in as the application.
resource "dbxaccess_service_principal_oauth_secret" "scoring" {
  application_id   = var.application_id
  lifetime_seconds = 30 * 24 * 60 * 60
}

output "client_secret" {
  description = "Give this to the application, with client_id and token_url."
  value       = dbxaccess_service_principal_oauth_secret.scoring.secret_value
  sensitive   = true
}
