# Workers: spot machines that each run a container, as many as the backlog asks for. One that is
# taken away had half a minute; its message comes again when its lease has ended.

locals {
  workers = {
    # What it writes while it works fits into memory.
    "gce-plate-solver" = {
      machine = var.solver_machine
      least   = var.solvers_least
      waiting = var.images_per_solver
      work    = "--tmpfs=/tmp:size=2g"
      disk_gb = 20
    }
    # A sequence's fluxes and files lie on the disk.
    "gce-light-curves" = {
      machine = var.light_curves_machine
      least   = 0
      waiting = var.sequences_per_worker
      work    = "--volume=work:/tmp"
      disk_gb = 50
    }
  }

  health_port = module.names.worker_environments["gce-plate-solver"].HEALTH_PORT

  cloud_config = {
    for one, worker in local.workers : one => {
      write_files = [
        {
          path        = "/etc/${one}.env"
          permissions = "0644"
          content     = join("", [for name, value in module.names.worker_environments[one] : "${name}=${value}\n"])
        },
        {
          path        = "/etc/systemd/system/${one}.service"
          permissions = "0644"
          content     = <<-EOT
            [Unit]
            Wants=gcr-online.target
            After=gcr-online.target

            [Service]
            Environment=HOME=/home/${one}
            ExecStartPre=/usr/bin/docker-credential-gcr configure-docker --registries=${var.region}-docker.pkg.dev
            ExecStart=/usr/bin/docker run --rm --name=${one} --env-file=/etc/${one}.env --read-only ${worker.work} --cap-drop=ALL --security-opt=no-new-privileges --publish=8080:8080 --log-driver=gcplogs ${module.names.worker_images[one]}
            ExecStop=/usr/bin/docker stop --time=25 ${one}
            TimeoutStopSec=28
            Restart=always
            RestartSec=5
          EOT
        },
      ]
      runcmd = [
        "iptables -A INPUT -p tcp --dport ${local.health_port} -j ACCEPT",
        "systemctl daemon-reload",
        "systemctl start ${one}.service",
      ]
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "worker" {
  for_each   = local.workers
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = local.member[each.key]
}

resource "google_compute_region_instance_template" "worker" {
  for_each     = local.workers
  name_prefix  = "${module.names.names[each.key]}-"
  region       = var.region
  machine_type = each.value.machine
  tags         = ["worker"]

  metadata = {
    user-data              = "#cloud-config\n${yamlencode(local.cloud_config[each.key])}"
    google-logging-enabled = "true"
    block-project-ssh-keys = "true"
    enable-oslogin         = "true"
  }

  disk {
    source_image = "cos-cloud/cos-stable"
    disk_size_gb = each.value.disk_gb
    boot         = true
    auto_delete  = true
  }

  # No access_config: the machine has no address on the internet.
  network_interface {
    subnetwork = google_compute_subnetwork.subnetwork.id
  }

  scheduling {
    preemptible                 = true
    provisioning_model          = "SPOT"
    instance_termination_action = "DELETE"
    automatic_restart           = false
    on_host_maintenance         = "TERMINATE"
  }

  service_account {
    email  = google_service_account.service[each.key].email
    scopes = ["cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_region_health_check" "worker" {
  for_each            = local.workers
  name                = module.names.names[each.key]
  region              = var.region
  check_interval_sec  = 15
  timeout_sec         = 5
  unhealthy_threshold = 8

  http_health_check {
    port         = local.health_port
    request_path = "/health"
  }
}

resource "google_compute_region_instance_group_manager" "worker" {
  for_each           = local.workers
  name               = module.names.names[each.key]
  region             = var.region
  base_instance_name = module.names.names[each.key]

  version {
    instance_template = google_compute_region_instance_template.worker[each.key].id
  }

  auto_healing_policies {
    health_check      = google_compute_region_health_check.worker[each.key].id
    initial_delay_sec = 180
  }

  update_policy {
    type                         = "PROACTIVE"
    minimal_action               = "REPLACE"
    instance_redistribution_type = "PROACTIVE"
    max_surge_fixed              = 4
    max_unavailable_fixed        = 0
  }
}

resource "google_compute_region_autoscaler" "worker" {
  for_each = local.workers
  name     = module.names.names[each.key]
  region   = var.region
  target   = google_compute_region_instance_group_manager.worker[each.key].id

  autoscaling_policy {
    min_replicas    = each.value.least
    max_replicas    = local.services[each.key].max_instances
    cooldown_period = 90

    metric {
      name                       = "pubsub.googleapis.com/subscription/num_undelivered_messages"
      filter                     = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.subscription[each.key].name}\""
      single_instance_assignment = each.value.waiting
    }
  }
}
