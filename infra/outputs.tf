output "raw_bucket" {
  value       = google_storage_bucket.bucket["raw"].name
  description = "Where units upload to."
}

output "explorer" {
  value       = module.names.urls["observations-explorer"]
  description = "The pages."
}

output "unit_accounts" {
  value       = { for unit, account in google_service_account.unit : unit => account.email }
  description = "The account of each unit's uploads."
}

output "database" {
  value       = google_sql_database_instance.meta.connection_name
  description = "How the Cloud SQL connector and its proxy name the instance."
}
