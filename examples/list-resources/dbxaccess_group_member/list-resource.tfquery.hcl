# In a file that ends in .tfquery.hcl, for: terraform query (Terraform 1.14)
list "dbxaccess_group_member" "scorers" {
  provider = dbxaccess

  config {
    group_name = "scorers"
  }
}

# Another group. Lists must not overlap: what two of them find is imported twice. A list without group_name finds the
# members of every group, so it stands alone.
list "dbxaccess_group_member" "admins" {
  provider = dbxaccess

  config {
    group_name           = "admins"
    include_own_identity = true # the provider's own identity, where it is an admin
  }
}
