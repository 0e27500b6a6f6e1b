# Needs neither login nor workspace: terraform test. Terraform mocks every list of objects as empty, so the mocked endpoint
# has no grants.
mock_provider "dbxaccess" {
  source = "../../../mocks"
}

run "an_endpoint_without_grants_passes" {
  command = plan
  variables {
    endpoints          = { iris = {} }
    groups             = { admins = [] }
    service_principals = { "00000000-0000-4000-8000-000000000001" = {} }
  }
  assert {
    condition     = length(output.watched.endpoints) == 1 && output.watched.endpoints[0] == "iris"
    error_message = "The endpoint is not watched."
  }
}

run "a_missing_grant_fails" {
  command = plan
  variables {
    endpoints = { iris = { "group_name=analysts" = "CAN_QUERY" } }
  }
  expect_failures = [data.dbxaccess_serving_endpoint_permissions.watched]
}

run "an_active_principal_that_should_be_deactivated_fails" {
  command = plan
  variables {
    endpoints          = {}
    service_principals = { "00000000-0000-4000-8000-000000000001" = { active = false } }
  }
  expect_failures = [data.dbxaccess_service_principal.watched]
}
