# Name of the group, a slash, application (client) id of the service principal
terraform import dbxaccess_group_member.deployer admins/11111111-2222-3333-4444-555555555555
