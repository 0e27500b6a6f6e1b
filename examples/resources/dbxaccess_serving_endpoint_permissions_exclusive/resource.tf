variable "application_id" {
  description = "Application (client) id of the app registration in Entra ID."
  type        = string
}

resource "dbxaccess_service_principal" "scoring" {
  application_id = var.application_id
  display_name   = "iris-scoring"
}

# These and nobody else hold a grant on the endpoint. Whoever else stands in the list when this is created is named in the
# plan, in removed_on_create, before anything is taken away.
#
# Where the endpoint is made in the same configuration, add its id, so that an endpoint that is replaced is granted again
# in the same apply: endpoint_id = databricks_model_serving.iris.serving_endpoint_id
resource "dbxaccess_serving_endpoint_permissions_exclusive" "iris" {
  endpoint_name = "iris"

  service_principals = {
    (dbxaccess_service_principal.scoring.application_id) = "CAN_QUERY"
  }
  groups = {
    analysts = "CAN_VIEW"
  }

  # The endpoint's creator keeps what it has: neither compared nor changed.
  ignore_principals = ["user_name=ada@example.com"]
}
