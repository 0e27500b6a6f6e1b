# By application (client) id
terraform import dbxaccess_service_principal.scoring 11111111-2222-3333-4444-555555555555

# By SCIM id
terraform import dbxaccess_service_principal.scoring 2345678901234567
