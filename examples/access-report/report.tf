locals {
  principals_listed = { for p in data.dbxaccess_service_principals.all.service_principals : "service_principal_name=${p.application_id}" => p }

  # One entry per endpoint and principal. A way is direct, inherited, or a path of groups such as "science > botany". Every
  # workspace admin may manage every endpoint, so nobody has to manage that grant.
  access = flatten([
    for name, found in data.dbxaccess_serving_endpoint_access.each : [
      for p in found.principals : {
        endpoint     = name
        principal    = p.principal
        name         = p.service_principal_name != null ? p.service_principal_name : p.user_name
        kind         = p.service_principal_name != null ? "service principal" : "person"
        display_name = p.display_name
        level        = p.permission_level
        can_query    = p.can_query
        active       = p.active
        via          = p.via
        managed = var.managed == null ? null : alltrue([
          for way in p.via : contains(["inherited", "admins"], split(" > ", way)[0]) || contains(local.managed[name], way == "direct" ? p.principal : "group_name=${split(" > ", way)[0]}")
        ])
      }
    ]
  ])

  # The level of every grant by endpoint and principal, and the principals whose grant the configurations manage: another
  # level than the managed one is a grant that somebody else gave.
  granted = {
    for name, list in data.dbxaccess_serving_endpoint_permissions.each : name => {
      for grant in list.permissions : grant.principal => grant.permission_level if !grant.inherited
    }
  }
  managed = {
    for name, levels in local.granted : name => [
      for principal, level in levels : principal if try(var.managed[name][principal] == level, false)
    ]
  }

  # A group gives access to whoever joins it, so its grant is shown also while nobody is in it. How many principals have
  # access through the group is null where its members could not all be read.
  groups = flatten([
    for name, list in data.dbxaccess_serving_endpoint_permissions.each : [
      for grant in list.permissions : {
        endpoint = name
        group    = grant.group_name
        level    = grant.permission_level
        members = contains(data.dbxaccess_serving_endpoint_access.each[name].unexpanded_groups[*].group_name, grant.group_name) ? null : length([
          for p in data.dbxaccess_serving_endpoint_access.each[name].principals : p
          if contains([for way in p.via : split(" > ", way)[0]], grant.group_name)
        ])
        managed = var.managed == null ? null : contains(local.managed[name], grant.principal)
      } if grant.group_name != null && !grant.inherited
    ]
  ])

  # A principal is here once, with or without access.
  of_principal = { for a in local.access : a.principal => a... }
  principals = concat(
    [
      for principal, all in local.of_principal : {
        principal    = principal
        name         = all[0].name
        kind         = all[0].kind
        display_name = all[0].display_name
        active       = all[0].active
      }
    ],
    [
      for principal, p in local.principals_listed : {
        principal    = principal
        name         = p.application_id
        kind         = "service principal"
        display_name = p.display_name
        active       = p.active
      } if try(local.of_principal[principal], null) == null
    ],
  )

  credentials = concat([
    for t in flatten(data.dbxaccess_tokens.all[*].tokens) : {
      type         = "token"
      id           = t.token_id
      owner        = t.owner_name
      kind         = t.owner_kind == "user" ? "person" : t.owner_kind == "service_principal" ? "service principal" : null
      display_name = t.owner_display_name
      comment      = t.comment
      created_at   = t.created_at
      expires_at   = t.expires_at
      last_used_on = t.last_used_on
      scopes       = t.scopes
    }
    ], [
    for s in flatten(data.dbxaccess_oauth_secrets.all[*].secrets) : {
      type         = "OAuth secret"
      id           = s.secret_id
      owner        = s.application_id
      kind         = "service principal"
      display_name = s.display_name
      comment      = s.status
      created_at   = s.created_at
      expires_at   = s.expires_at
      last_used_on = null
      scopes       = s.scopes
    }
  ])

  # What the report does not know, each with the reason.
  unknown = concat(
    local.is_admin ? [] : [
      { about = "The whole workspace", reason = "${data.dbxaccess_current_identity.reader.display_name} is no workspace admin: endpoints that it may not view are missing, and members of groups and deactivated principals may not be known." },
      { about = "Tokens and OAuth secrets", reason = "Only a workspace admin may list them." },
    ],
    [
      for name in sort(tolist(setsubtract(local.with_list, local.readable))) : {
        about = "Endpoint ${name}", reason = "Its access list is refused: it needs CAN_MANAGE on the endpoint, or a workspace admin."
      }
    ],
    [
      for name, e in local.endpoints : {
        about = "Endpoint ${name}", reason = "A foundation model has no access list: by default every member of the workspace may call it."
      } if e.id == null
    ],
    flatten([
      for name, found in data.dbxaccess_serving_endpoint_access.each : [
        for g in found.unexpanded_groups : { about = "Group ${g.group_name} on endpoint ${name}", reason = "It gives ${g.permission_level}: ${g.reason}." }
      ]
    ]),
    [
      for principal, all in local.of_principal : {
        about = "Principal ${principal}", reason = "It holds access to ${length(all)} ${length(all) == 1 ? "endpoint" : "endpoints"}, and the workspace does not say whether it is active."
      } if all[0].active == null && local.is_admin
    ],
    !local.is_admin || var.oauth_secrets ? [] : [
      { about = "OAuth secrets", reason = "This report does not read them (oauth_secrets = false)." },
    ],
  )

  # Plain facts, so that two reports can be compared.
  facts = merge(
    { for name, e in local.endpoints : "endpoint ${name}" => e.id == null ? "foundation model" : "id ${e.id}" },
    { for a in local.access : "access of ${a.principal} to ${a.endpoint}" => "${a.level}, ${join(", ", a.via)}" },
    { for g in local.groups : "grant of group ${g.group} to ${g.endpoint}" => g.level },
    { for p in local.principals : "principal ${p.principal}" => p.active == null ? "unknown" : p.active ? "active" : "deactivated" },
    { for c in local.credentials : "${c.type} ${c.id}" => "of ${c.owner == null ? "nobody known" : c.owner}, ${c.expires_at == null ? "without an end" : "ends ${c.expires_at}"}, scopes ${length(c.scopes) == 0 ? "all" : join(" ", c.scopes)}" },
    { for u in local.unknown : "not known: ${u.about}" => u.reason },
  )

  baseline = var.baseline_path == null ? null : jsondecode(file(var.baseline_path))
  earlier  = tomap(local.baseline == null ? {} : { for about, fact in local.baseline.facts : about => tostring(fact) })
  difference = local.baseline == null ? null : {
    since = local.baseline.made_at
    # A baseline of another workspace says nothing about this one.
    same_workspace = local.baseline.workspace.id == data.dbxaccess_current_identity.reader.workspace_id
    changes = concat(
      [for about in sort(tolist(setsubtract(keys(local.facts), keys(local.earlier)))) : { change = "new", about = about, before = null, now = local.facts[about] }],
      [for about in sort(tolist(setsubtract(keys(local.earlier), keys(local.facts)))) : { change = "gone", about = about, before = local.earlier[about], now = null }],
      [
        for about in sort(tolist(setintersection(keys(local.earlier), keys(local.facts)))) : { change = "changed", about = about, before = local.earlier[about], now = local.facts[about] }
        if local.earlier[about] != local.facts[about]
      ],
    )
  }

  report = {
    format_version = 1
    made_at        = plantimestamp()
    workspace      = { id = data.dbxaccess_current_identity.reader.workspace_id, host = data.dbxaccess_current_identity.reader.host }
    identity = {
      name         = data.dbxaccess_current_identity.reader.user_name
      display_name = data.dbxaccess_current_identity.reader.display_name
      login        = data.dbxaccess_current_identity.reader.auth_type
      is_admin     = local.is_admin
    }
    compares_managed = var.managed != null
    endpoints = [
      for name, e in local.endpoints : {
        name        = name
        id          = e.id
        creator     = e.creator
        access_list = e.id == null ? "none" : contains(local.readable, name) ? "read" : "refused"
      }
    ]
    principals  = local.principals
    access      = local.access
    groups      = local.groups
    credentials = local.credentials
    unknown     = local.unknown
    difference  = local.difference
    facts       = local.facts
  }
}
