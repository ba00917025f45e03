resource "google_storage_bucket" "bucket" {
  # checkov:skip=CKV_GCP_62: data access is in Cloud Audit Logs; access logs are for buckets of web sites
  # checkov:skip=CKV_GCP_78: raw is versioned; products can be made again
  for_each                    = module.names.buckets
  name                        = each.value
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = each.key == "raw"
  }

  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 3600
  }

  # A unit that uploads a file again replaces it; the earlier one is kept for a month.
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age = 1
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.key == "raw" ? [var.raw_archive_days] : []
    content {
      condition {
        age        = lifecycle_rule.value
        with_state = "LIVE"
      }
      action {
        type          = "SetStorageClass"
        storage_class = "ARCHIVE"
      }
    }
  }

  depends_on = [google_project_service.api]
}
