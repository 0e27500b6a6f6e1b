variable "endpoints" {
  description = "Serving endpoints to watch: for each, every principal that holds a direct grant, as service_principal_name=…, user_name=… or group_name=…, and its level."
  type        = map(map(string))
}

variable "groups" {
  description = "Groups to watch, such as admins: for each, every principal that may have access to a watched endpoint through it. Only groups that give access to a watched endpoint are seen."
  type        = map(set(string))
  default     = {}
}

variable "service_principals" {
  description = "Service principals to watch, by application id: whether each is active, and the workspace groups that it is a direct member of."
  type = map(object({
    active = optional(bool, true)
    groups = optional(set(string), [])
  }))
  default = {}
}
