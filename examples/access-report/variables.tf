variable "managed" {
  description = "Direct grants that your configurations manage: endpoint → principal, such as service_principal_name=… or group_name=…, → level. The output grants of the module endpoint-access has this form. Every other grant, and one with another level, is marked as not managed; null marks none."
  type        = map(map(string))
  default     = null
}

variable "baseline_path" {
  description = "An earlier report_json, to show what has changed since. Null: no comparison."
  type        = string
  default     = null
}

variable "is_admin" {
  description = "Whether the provider's identity is a workspace admin. Null: it is when it is a direct member of the group admins. Set true where it is a member through another group."
  type        = bool
  default     = null
}

variable "oauth_secrets" {
  description = "Whether to read OAuth secrets: one request for each service principal of the workspace."
  type        = bool
  default     = true
}
