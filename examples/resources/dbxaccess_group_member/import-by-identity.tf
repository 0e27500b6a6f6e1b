import {
  # provider = dbxaccess # write this only where Terraform is to generate the resource block
  to = dbxaccess_group_member.deployer
  identity = {
    group_name     = "admins"
    application_id = "11111111-2222-3333-4444-555555555555"
  }
}
