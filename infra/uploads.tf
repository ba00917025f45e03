# Each unit has an account that reads and writes below its own prefix, and nothing else.

resource "google_service_account" "unit" {
  for_each     = var.units
  account_id   = "unit-${lower(each.key)}${module.names.suffix}"
  display_name = "Uploads of ${each.key}"
  depends_on   = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "unit" {
  for_each = var.units
  bucket   = google_storage_bucket.bucket["raw"].name
  role     = "roles/storage.objectUser"
  member   = "serviceAccount:${google_service_account.unit[each.key].email}"

  # Listing concerns the bucket, not an object: no unit can list.
  condition {
    title      = "below ${each.key}"
    expression = <<-EOT
      resource.type == "storage.googleapis.com/Object" &&
      resource.name.startsWith("projects/_/buckets/${google_storage_bucket.bucket["raw"].name}/objects/${each.key}/")
    EOT
  }
}
