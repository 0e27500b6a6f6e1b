# In a file that ends in .tfquery.hcl, for: terraform query (Terraform 1.14)
list "dbxaccess_service_principal_oauth_secret" "scoring" {
  provider = dbxaccess

  config {
    application_id = "11111111-2222-3333-4444-555555555555"
  }
}
