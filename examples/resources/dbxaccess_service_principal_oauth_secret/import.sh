# By the application id and the secret's id. The value stays unknown; the secret stays as it is.
terraform import dbxaccess_service_principal_oauth_secret.scoring 11111111-2222-3333-4444-555555555555/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
