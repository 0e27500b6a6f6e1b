# In a file that ends in .tfquery.hcl, for: terraform query (Terraform 1.14)
list "dbxaccess_token_permission" "all" {
  provider = dbxaccess
}
