variable "application_id" {
  description = "Application (client) id of a service principal that is in the workspace and may use tokens."
  type        = string
}

variable "client_secret" {
  description = "Its client secret."
  type        = string
  sensitive   = true
  ephemeral   = true
}

resource "dbxaccess_serving_endpoint_permission" "scoring" {
  endpoint_name          = "iris"
  service_principal_name = var.application_id
}

resource "dbxaccess_service_principal_token" "scoring" {
  owner = {
    application_id   = var.application_id
    client_secret_wo = var.client_secret
  }
  scopes = ["model-serving"]
}

# Proof, in the same run, that the application can score. It runs after the grant, so that a missing grant does not break
# the plan that would mend it.
data "dbxaccess_serving_endpoint_query" "proof" {
  endpoint_name = "iris"
  query_as      = "token"
  token         = dbxaccess_service_principal_token.scoring.token_value
  request = jsonencode({
    dataframe_records = [
      { sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 },
    ]
  })

  depends_on = [
    dbxaccess_serving_endpoint_permission.scoring,
    dbxaccess_service_principal_token.scoring,
  ]
}

output "served_model" {
  value = data.dbxaccess_serving_endpoint_query.proof.served_model
}
