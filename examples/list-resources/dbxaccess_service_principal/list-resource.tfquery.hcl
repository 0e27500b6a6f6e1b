# In a file that ends in .tfquery.hcl, for: terraform query (Terraform 1.14)
list "dbxaccess_service_principal" "etl" {
  provider = dbxaccess

  config {
    display_name_prefix = "etl-"
    active              = true
  }
}
