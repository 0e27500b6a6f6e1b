import {
  # provider = dbxaccess # write this only where Terraform is to generate the resource block
  to = dbxaccess_serving_endpoint_permissions_exclusive.iris
  identity = {
    endpoint_name = "iris"
  }
}
