variable "application_id" {
  description = "Application (client) id of the app registration in Entra ID."
  type        = string
}

resource "dbxaccess_service_principal" "scoring" {
  application_id = var.application_id
  display_name   = "iris-scoring"
}

# The application may score the endpoint. Other grants on it are not touched.
#
# Where the endpoint is made in the same configuration, add its id, so that an endpoint that is replaced is granted again
# in the same apply: endpoint_id = databricks_model_serving.iris.serving_endpoint_id
resource "dbxaccess_serving_endpoint_permission" "scoring" {
  endpoint_name          = "iris"
  service_principal_name = dbxaccess_service_principal.scoring.application_id
}

# A group may look at it.
resource "dbxaccess_serving_endpoint_permission" "analysts" {
  endpoint_name    = "iris"
  group_name       = "analysts"
  permission_level = "CAN_VIEW"
}
