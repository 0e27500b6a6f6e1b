import {
  provider = dbxaccess
  to       = dbxaccess_serving_endpoint_permissions_exclusive.iris
  identity = {
    endpoint_name = "iris"
  }
}
