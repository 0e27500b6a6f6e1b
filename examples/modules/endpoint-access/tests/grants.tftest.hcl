# Needs neither login nor workspace: terraform test.
mock_provider "dbxaccess" {
  source = "../../../mocks"
}

variables {
  endpoints = {
    iris = {
      "service_principal_name=00000000-0000-4000-8000-000000000001" = "CAN_QUERY"
      "group_name=data=science"                                     = "CAN_VIEW"
    }
    rose = { "service_principal_name=00000000-0000-4000-8000-000000000001" = "CAN_MANAGE" }
  }
}

run "grants" {
  assert {
    condition     = length(dbxaccess_serving_endpoint_permission.this) == 3
    error_message = "Each principal of each endpoint has one grant."
  }
  assert {
    condition     = dbxaccess_serving_endpoint_permission.this["iris/group_name=data=science"].group_name == "data=science"
    error_message = "An equals sign belongs to a group's name."
  }
  assert {
    condition     = output.grants == { for endpoint, principals in var.endpoints : endpoint => { for p, level in principals : p => level } }
    error_message = "The output has the form of the input."
  }
}

run "people_are_refused" {
  command = plan
  variables {
    endpoints = { iris = { "user_name=ada@example.com" = "CAN_QUERY" } }
  }
  expect_failures = [var.endpoints]
}

run "people_are_allowed_when_asked_for" {
  command = plan
  variables {
    endpoints    = { iris = { "user_name=ada@example.com" = "CAN_QUERY" } }
    allow_people = true
  }
}

run "a_display_name_is_refused" {
  command = plan
  variables {
    endpoints = { iris = { "scoring" = "CAN_QUERY" } }
  }
  expect_failures = [var.endpoints]
}

run "an_unknown_level_is_refused" {
  command = plan
  variables {
    endpoints = { iris = { "group_name=analysts" = "CAN_RUN" } }
  }
  expect_failures = [var.endpoints]
}
