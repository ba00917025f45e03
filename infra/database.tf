resource "google_sql_database_instance" "meta" {
  # checkov:skip=CKV_GCP_79: 17 is in all regions; a newer one is a change of one word, and tested first
  # checkov:skip=CKV2_GCP_13: a line for each of a thousand statements a second costs more than the database
  name                = module.names.instance
  database_version    = "POSTGRES_17"
  region              = var.region
  deletion_protection = true

  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.database_tier
    availability_type           = var.database_available
    disk_type                   = "PD_SSD"
    disk_autoresize             = true
    deletion_protection_enabled = true

    ip_configuration {
      ipv4_enabled                                  = false
      private_network                               = google_compute_network.network.id
      enable_private_path_for_google_cloud_services = true
      ssl_mode                                      = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "19:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 14
      }
    }

    # Sunday noon in America: no unit observes.
    maintenance_window {
      day          = 7
      hour         = 18
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled = true
    }

    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }

    database_flags {
      name  = "cloudsql.enable_pgaudit"
      value = "on"
    }

    database_flags {
      name  = "pgaudit.log"
      value = "ddl,role"
    }

    database_flags {
      name  = "max_connections"
      value = "700"
    }

    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }

    database_flags {
      name  = "log_min_messages"
      value = "warning"
    }

    database_flags {
      name  = "log_statement"
      value = "ddl"
    }

    database_flags {
      name  = "log_hostname"
      value = "on"
    }
  }

  depends_on = [google_service_networking_connection.database]
}

resource "google_sql_database" "metadata" {
  name     = "metadata"
  instance = google_sql_database_instance.meta.name
}

# Their rights on tables are given by job-migrate; docs/deploy.md has the one step before it.
resource "google_sql_user" "service" {
  for_each        = { for name, one in local.services : name => one if one.database }
  name            = module.names.database_users[each.key]
  instance        = google_sql_database_instance.meta.name
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  deletion_policy = "ABANDON"
}

# The password of `postgres`, for that one step and for emergencies: an operator puts it here, so
# that it is in no file and in no state.
resource "google_secret_manager_secret" "postgres" {
  secret_id = "postgres${module.names.suffix}"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

# The mail server of notifications, as SMTP_URL has it: an operator puts it here.
resource "google_secret_manager_secret" "smtp" {
  secret_id = "smtp-url${module.names.suffix}"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "smtp" {
  secret_id = google_secret_manager_secret.smtp.id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member["cf-operations"]
}
