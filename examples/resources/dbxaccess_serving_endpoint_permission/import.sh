# By endpoint and application (client) id, e-mail address or group name
terraform import dbxaccess_serving_endpoint_permission.scoring iris/11111111-2222-3333-4444-555555555555

# Or with the kind, where a name alone could be two principals
terraform import dbxaccess_serving_endpoint_permission.analysts iris/group_name=analysts
