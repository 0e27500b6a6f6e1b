# Save as a file that ends in .tfquery.hcl, then: terraform query
list "dbxaccess_group_member" "admins" {
  provider = dbxaccess

  config {
    group_name = "admins"
  }
}
