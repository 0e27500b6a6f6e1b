variable "application_id" {
  description = "Application (client) id of a service principal that is in the workspace, may use tokens and may query the endpoint."
  type        = string
}

variable "client_secret" {
  description = "Its client secret. Neither plan nor state holds it."
  type        = string
  sensitive   = true
  ephemeral   = true
}

# A token of the application for the time of this run: opened in the plan, and again in the apply.
ephemeral "dbxaccess_service_principal_token" "proof" {
  owner = {
    application_id = var.application_id
    client_secret  = var.client_secret
  }
  comment          = "proof of the pipeline"
  lifetime_seconds = 15 * 60
}

# The provider once more, calling as the application, with what that token may do and nothing else.
provider "dbxaccess" {
  alias = "application"
  token = ephemeral.dbxaccess_service_principal_token.proof.token_value
}

data "dbxaccess_serving_endpoint_query" "proof" {
  provider      = dbxaccess.application
  endpoint_name = "iris"
  query_as      = "provider"
  request = jsonencode({
    dataframe_records = [
      { sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 },
    ]
  })
}

output "served_model" {
  value = data.dbxaccess_serving_endpoint_query.proof.served_model
}
