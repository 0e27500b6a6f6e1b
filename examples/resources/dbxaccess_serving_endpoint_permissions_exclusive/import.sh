# By the endpoint's name. The whole direct access list comes with it
terraform import dbxaccess_serving_endpoint_permissions_exclusive.iris iris
