# By the token's id, which is 64 hexadecimal digits and not its value. The value stays unknown; the token stays as it is.
terraform import dbxaccess_service_principal_token.scoring e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
