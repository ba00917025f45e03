terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }

  # The bucket of the state is named at `terraform init -backend-config=bucket=…`.
  backend "gcs" {}
}

provider "google" {
  project = var.project
  region  = var.region
  # Budgets are billed to a project of the caller's choice.
  billing_project       = var.project
  user_project_override = true
  default_labels        = { environment = var.environment }
}
