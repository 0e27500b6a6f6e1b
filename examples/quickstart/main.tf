# One application gets access to one serving endpoint, and nothing else.
#
# The provider logs in by what the environment says (ARM_CLIENT_CERTIFICATE_PATH and its like), so that no secret is
# written here.

terraform {
  required_version = ">= 1.11"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

provider "dbxaccess" {}

variable "endpoint_name" {
  description = "Serving endpoint the application may score."
  type        = string
  default     = "iris"
}

variable "scoring_application_id" {
  description = "Application (client) id of the application's Entra ID app registration."
  type        = string
}

variable "scoring_client_secret" {
  description = "Its client secret: to make a token that belongs to it. Neither plan nor state holds it."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "token_lifetime_seconds" {
  description = "How long its token lives. It is rotated when a third of that is left."
  type        = number
  default     = 2592000
}

# The application becomes a member of the workspace.
resource "dbxaccess_service_principal" "scoring" {
  application_id = var.scoring_application_id
  display_name   = "iris-scoring"
}

# It may score this endpoint, and nobody else's access is touched.
resource "dbxaccess_serving_endpoint_permission" "scoring" {
  endpoint_name          = var.endpoint_name
  service_principal_name = dbxaccess_service_principal.scoring.application_id
  permission_level       = "CAN_QUERY"
}

# It may use personal access tokens.
resource "dbxaccess_token_permission" "scoring" {
  service_principal_name = dbxaccess_service_principal.scoring.application_id
}

# The token it scores with is its own.
resource "dbxaccess_service_principal_token" "scoring" {
  owner = {
    application_id   = dbxaccess_service_principal.scoring.application_id
    client_secret_wo = var.scoring_client_secret
  }
  comment          = "iris scoring"
  scopes           = ["model-serving"]
  lifetime_seconds = var.token_lifetime_seconds

  depends_on = [dbxaccess_token_permission.scoring]
}

# Proof, in the same run: a flower is scored with that token. It depends on the grant as well, so that a missing grant
# does not break the plan that would mend it.
data "dbxaccess_serving_endpoint_query" "proof" {
  endpoint_name  = var.endpoint_name
  query_as       = "token"
  token          = dbxaccess_service_principal_token.scoring.token_value
  store_response = true
  request = jsonencode({
    dataframe_records = [
      { sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 },
      { sepal_length = 6.3, sepal_width = 3.3, petal_length = 6.0, petal_width = 2.5 },
    ]
  })

  depends_on = [
    dbxaccess_service_principal.scoring,
    dbxaccess_serving_endpoint_permission.scoring,
    dbxaccess_service_principal_token.scoring,
  ]
}

output "token" {
  description = "Give this to the application."
  value       = dbxaccess_service_principal_token.scoring.token_value
  sensitive   = true
}

output "species" {
  description = "What the model said of the two flowers."
  value       = nonsensitive(jsondecode(data.dbxaccess_serving_endpoint_query.proof.response).predictions)
}
