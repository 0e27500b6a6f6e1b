# In a file that ends in .tfquery.hcl, for: terraform query (Terraform 1.14)
list "dbxaccess_serving_endpoint_permission" "iris" {
  provider = dbxaccess

  config {
    endpoint_name = "iris"
  }
}

# A list for each endpoint. Lists must not overlap: what two of them find is imported twice. A list without endpoint_name
# finds the grants on every endpoint, so it stands alone.
list "dbxaccess_serving_endpoint_permission" "forecast" {
  provider = dbxaccess

  config {
    endpoint_name           = "forecast"
    include_built_in_groups = true # the group users, where it holds a grant
  }
}
