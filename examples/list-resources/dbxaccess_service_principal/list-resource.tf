# Save as a file that ends in .tfquery.hcl, then: terraform query
list "dbxaccess_service_principal" "etl" {
  provider = dbxaccess

  config {
    display_name_prefix = "etl-"
    active              = true
  }
}
