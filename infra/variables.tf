variable "project" {
  type        = string
  description = "Id of an existing project with billing."
}

variable "region" {
  type        = string
  default     = "us-central1"
  description = "Region of all resources."
}

variable "environment" {
  type        = string
  default     = "test"
  description = "What the names of all resources end with; prod: nothing."

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,7}$", var.environment))
    error_message = "A small letter, then at most 7 small letters or digits."
  }
}

variable "units" {
  type        = set(string)
  default     = []
  description = "Units that upload, as [\"PAN001\"]; in production no test units (PAN00x)."

  validation {
    condition     = alltrue([for unit in var.units : can(regex("^PAN[0-9]{3}$", unit))])
    error_message = "A unit is PAN and three digits."
  }
}

variable "operators" {
  type        = set(string)
  default     = []
  description = "Members who may act as the accounts `operator` and `monitoring`, as [\"user:name@example.org\"]."
}

variable "alert_email" {
  type        = string
  description = "Who hears of alerts and of the budget."
}

variable "billing_account" {
  type        = string
  description = "Billing account of the budget."
}

variable "budget_dollars" {
  type        = number
  default     = 100
  description = "Monthly costs that are announced when they are reached."
}

variable "database_tier" {
  type        = string
  default     = "db-custom-2-7680"
  description = "Machine of the database; docs/scaling.md says which for how many units."
}

variable "database_available" {
  type        = string
  default     = "ZONAL"
  description = "REGIONAL keeps a second machine ready, at twice the price."
}

variable "solver_machine" {
  type        = string
  default     = "e2-standard-2"
  description = "Machine of a plate solver: 2 processors, 8 GB."
}

variable "solvers_least" {
  type        = number
  default     = 1
  description = "Plate solvers that always run."
}

variable "images_per_solver" {
  type        = number
  default     = 40
  description = "Waiting images for which one plate solver is kept; docs/scaling.md says why."
}

variable "light_curves_machine" {
  type        = string
  default     = "e2-standard-2"
  description = "Machine that makes light curves: 2 processors, 8 GB."
}

variable "sequences_per_worker" {
  type        = number
  default     = 4
  description = "Waiting sequences for which one worker of light curves is kept."
}

variable "raw_archive_days" {
  type        = number
  default     = 90
  description = "Raw files that old move to the archive's price."
}
