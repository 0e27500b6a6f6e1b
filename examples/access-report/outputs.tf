locals {
  style  = file("${path.module}/page.css")
  script = file("${path.module}/page.js")

  # A browser must not find the end of the script element, or the start of another, inside a name.
  embedded = replace(replace(replace(jsonencode(local.report), "<", "\\u003c"), ">", "\\u003e"), "&", "\\u0026")

  # A spreadsheet would compute a field that begins like a formula.
  access_rows = [
    for a in local.access : [
      a.endpoint, a.principal, a.kind, a.display_name, a.level, a.can_query, a.active, join(", ", a.via), a.managed
    ]
  ]
  token_rows = [
    for c in local.credentials : [
      c.type, c.id, c.owner, c.kind, c.display_name, c.comment, c.created_at, c.expires_at, c.last_used_on, join(" ", c.scopes)
    ]
  ]
  csv = {
    for name, table in {
      access = concat([["endpoint", "principal", "kind", "display_name", "level", "can_query", "active", "via", "managed"]], local.access_rows)
      tokens = concat([["type", "id", "owner", "kind", "display_name", "comment", "created_at", "expires_at", "last_used_on", "scopes"]], local.token_rows)
      } : name => join("", [
        for row in table : "${join(",", [
          for field in row : field == null ? "" : "\"${replace(replace(tostring(field), "\"", "\"\""), "/^([=+@\\t\\r-])/", "'$1")}\""
        ])}\r\n"
    ])
  }
}

# The four are marked as sensitive so that the log of a pipeline does not print them: names and ids of the workspace are in
# them. terraform output -raw prints them.
output "report" {
  description = "One HTML page with everything in it. It loads nothing, and its content security policy forbids it to."
  value = templatefile("${path.module}/page.html.tftpl", {
    data          = local.embedded
    style         = local.style
    style_sha256  = base64sha256(local.style)
    script        = local.script
    script_sha256 = base64sha256(local.script)
  })
  sensitive = true
}

output "report_json" {
  description = "The same as JSON: keep it, and give it as baseline_path to a later report."
  value       = jsonencode(local.report)
  sensitive   = true
}

output "access_csv" {
  description = "One line per endpoint and principal."
  value       = local.csv.access
  sensitive   = true
}

output "tokens_csv" {
  description = "One line per token and OAuth secret."
  value       = local.csv.tokens
  sensitive   = true
}

output "not_known" {
  description = "How many things the report could not learn."
  value       = length(local.unknown)
}

output "changes" {
  description = "How many changes there are since the baseline; null without one."
  value       = local.difference == null ? null : length(local.difference.changes)
}
