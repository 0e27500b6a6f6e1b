import {
  # provider = dbxaccess # write this only where Terraform is to generate the resource block
  to = dbxaccess_service_principal_token.scoring
  identity = {
    token_id = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  }
}
