# By application (client) id, e-mail address or group name
terraform import dbxaccess_token_permission.scoring 11111111-2222-3333-4444-555555555555

# Or with the kind, where a name alone could be two principals
terraform import dbxaccess_token_permission.scoring group_name=data-scientists
