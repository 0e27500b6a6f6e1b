import {
  # provider = dbxaccess # write this only where Terraform is to generate the resource block
  to = dbxaccess_service_principal.scoring
  identity = {
    application_id = "11111111-2222-3333-4444-555555555555"
  }
}
