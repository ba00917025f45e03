# Plate solvers: spot machines that each run the container, as many as the backlog asks for. One
# that is taken away had half a minute; its message comes again when its lease has ended.

locals {
  solver = module.names.names["gce-plate-solver"]

  cloud_config = {
    write_files = [
      {
        path        = "/etc/plate-solver.env"
        permissions = "0644"
        content     = join("", [for name, value in module.names.solver_environment : "${name}=${value}\n"])
      },
      {
        path        = "/etc/systemd/system/plate-solver.service"
        permissions = "0644"
        content     = <<-EOT
          [Unit]
          Wants=gcr-online.target
          After=gcr-online.target

          [Service]
          Environment=HOME=/home/plate-solver
          ExecStartPre=/usr/bin/docker-credential-gcr configure-docker --registries=${var.region}-docker.pkg.dev
          ExecStart=/usr/bin/docker run --rm --name=plate-solver --env-file=/etc/plate-solver.env --read-only --tmpfs=/tmp:size=2g --cap-drop=ALL --security-opt=no-new-privileges --publish=8080:8080 --log-driver=gcplogs ${module.names.solver_image}
          ExecStop=/usr/bin/docker stop --time=25 plate-solver
          TimeoutStopSec=28
          Restart=always
          RestartSec=5
        EOT
      },
    ]
    runcmd = [
      "iptables -A INPUT -p tcp --dport ${module.names.solver_environment.HEALTH_PORT} -j ACCEPT",
      "systemctl daemon-reload",
      "systemctl start plate-solver.service",
    ]
  }
}

resource "google_artifact_registry_repository_iam_member" "solver" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = local.member["gce-plate-solver"]
}

resource "google_compute_region_instance_template" "solver" {
  name_prefix  = "${local.solver}-"
  region       = var.region
  machine_type = var.solver_machine
  tags         = ["gce-plate-solver"]

  metadata = {
    user-data              = "#cloud-config\n${yamlencode(local.cloud_config)}"
    google-logging-enabled = "true"
    block-project-ssh-keys = "true"
    enable-oslogin         = "true"
  }

  disk {
    source_image = "cos-cloud/cos-stable"
    disk_size_gb = 20
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
    email  = google_service_account.service["gce-plate-solver"].email
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

resource "google_compute_region_health_check" "solver" {
  name                = local.solver
  region              = var.region
  check_interval_sec  = 15
  timeout_sec         = 5
  unhealthy_threshold = 8

  http_health_check {
    port         = module.names.solver_environment.HEALTH_PORT
    request_path = "/health"
  }
}

resource "google_compute_region_instance_group_manager" "solver" {
  name               = local.solver
  region             = var.region
  base_instance_name = local.solver

  version {
    instance_template = google_compute_region_instance_template.solver.id
  }

  auto_healing_policies {
    health_check      = google_compute_region_health_check.solver.id
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

resource "google_compute_region_autoscaler" "solver" {
  name   = local.solver
  region = var.region
  target = google_compute_region_instance_group_manager.solver.id

  autoscaling_policy {
    min_replicas    = var.solvers_least
    max_replicas    = local.services["gce-plate-solver"].max_instances
    cooldown_period = 90

    metric {
      name                       = "pubsub.googleapis.com/subscription/num_undelivered_messages"
      filter                     = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.subscription["gce-plate-solver"].name}\""
      single_instance_assignment = var.images_per_solver
    }
  }
}
