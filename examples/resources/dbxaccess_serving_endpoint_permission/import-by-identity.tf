import {
  # provider = dbxaccess # write this only where Terraform is to generate the resource block
  to = dbxaccess_serving_endpoint_permission.scoring
  identity = {
    endpoint_name          = "iris"
    service_principal_name = "11111111-2222-3333-4444-555555555555"
  }
}
