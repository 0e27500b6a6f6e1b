variable "application_id" {
  description = "Application (client) id of a service principal that may query the endpoint."
  type        = string
}

variable "oauth_secret" {
  description = "Its OAuth secret of Databricks. Neither plan nor state holds it."
  type        = string
  sensitive   = true
  ephemeral   = true
}

# A token for one endpoint, which may be a route-optimized one.
ephemeral "dbxaccess_oauth_token" "scoring" {
  client_id     = var.application_id
  client_secret = var.oauth_secret
  endpoint_name = "iris"
}

locals {
  request = {
    url     = ephemeral.dbxaccess_oauth_token.scoring.endpoint_url
    headers = { Authorization = "Bearer ${ephemeral.dbxaccess_oauth_token.scoring.access_token}" }
  }
}
