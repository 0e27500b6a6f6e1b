# In a file that ends in .tfquery.hcl, for: terraform query (Terraform 1.14)
list "dbxaccess_group_member" "admins" {
  provider = dbxaccess

  config {
    group_name = "admins"
  }
}
