variable "endpoints" {
  description = "Endpoint → principal → level. A principal is service_principal_name=APPLICATION ID, group_name=NAME or user_name=E-MAIL; a level is CAN_VIEW, CAN_QUERY or CAN_MANAGE."
  type        = map(map(string))

  validation {
    condition     = alltrue(flatten([for principals in values(var.endpoints) : [for principal in keys(principals) : can(regex("^(service_principal_name|group_name|user_name)=.+$", principal))]]))
    error_message = "Write each principal as service_principal_name=…, group_name=… or user_name=…."
  }
  validation {
    condition     = alltrue(flatten([for principals in values(var.endpoints) : [for level in values(principals) : contains(["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"], level)]]))
    error_message = "A level is CAN_VIEW, CAN_QUERY or CAN_MANAGE."
  }
  validation {
    condition     = var.allow_people || !anytrue(flatten([for principals in values(var.endpoints) : [for principal in keys(principals) : startswith(principal, "user_name=")]]))
    error_message = "A grant to one person is refused: give it to a group or a service principal, or set allow_people = true."
  }
}

variable "allow_people" {
  description = "Whether single people may be granted access. A person's grant outlives the person's task."
  type        = bool
  default     = false
}

variable "overwrite_existing" {
  description = "Whether a principal that already holds another level gets the one that is written here. False: an error that shows the level."
  type        = bool
  default     = false
}
