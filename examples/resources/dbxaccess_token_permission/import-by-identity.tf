import {
  # provider = dbxaccess # write this only where Terraform is to generate the resource block
  to = dbxaccess_token_permission.scoring
  identity = {
    service_principal_name = "11111111-2222-3333-4444-555555555555"
  }
}
