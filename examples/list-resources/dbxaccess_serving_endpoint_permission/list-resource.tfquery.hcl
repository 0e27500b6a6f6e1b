# In a file that ends in .tfquery.hcl, for: terraform query (Terraform 1.14)
list "dbxaccess_serving_endpoint_permission" "iris" {
  provider = dbxaccess

  config {
    endpoint_name = "iris"
  }
}

# On every endpoint, up to that many
list "dbxaccess_serving_endpoint_permission" "all" {
  provider = dbxaccess
  limit    = 1000
}
