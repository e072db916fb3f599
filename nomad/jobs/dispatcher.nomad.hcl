# Paddock's dispatchers: the HTTP service, and what keeps pools of executors at size. Any number of them share the work.
#
#   nomad acl policy apply -namespace default -job paddock-dispatcher paddock-dispatcher nomad/acl/dispatcher.policy.hcl
#   paddock token create my-app --tokens-file tokens.json
#   nomad var put paddock/tokens tokens=@tokens.json
#   nomad job run -var home=/opt/paddock -var pools_file=nomad/pools.example.yaml nomad/jobs/dispatcher.nomad.hcl
#   nomad service info paddock
#
# The first line is for clusters with ACLs. Without -var pools_file there is one pool called "default".

variable "prefix" {
  type        = string
  description = "Names of jobs and paths of variables begin with it."
  default     = "paddock"
}

variable "namespace" {
  type    = string
  default = "default"
}

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

variable "node_pool" {
  type    = string
  default = "default"
}

variable "home" {
  type        = string
  description = "Where Paddock lies on the nodes, those of dispatchers and those of executors."
  default     = "/opt/paddock"
}

variable "replicas" {
  type    = number
  default = 2
}

variable "distinct_hosts" {
  type        = bool
  description = "Never two on a node. An update starts a third one first, so it needs one node more than replicas."
  default     = false
}

variable "port" {
  type        = number
  description = "A fixed port, for load balancers that know no service discovery; 0 for one that Nomad chooses. Of a fixed one each node has only one, so an update needs one node more than replicas."
  default     = 0
}

variable "pools_file" {
  type        = string
  description = "On the machine that runs `nomad job run`; see nomad/pools.example.yaml."
  default     = ""
}

variable "tls" {
  type        = object({ ca = string, cert = string, key = string })
  description = "Paths of PEM files on the nodes, for TLS between dispatchers and executors."
  default     = null
}

variable "environment" {
  type        = map(string)
  description = "Further variables, see docs/operating.md."
  default     = {}
}

variable "ui_link" {
  type        = string
  description = "Where Nomad's UI points from this job and from those of pools."
  default     = ""
}

variable "cpu_mhz" {
  type    = number
  default = 500
}

variable "memory_mb" {
  type    = number
  default = 512
}

job "dispatcher" {
  id          = "${var.prefix}-dispatcher"
  name        = "${var.prefix}-dispatcher"
  namespace   = var.namespace
  type        = "service"
  datacenters = var.datacenters
  node_pool   = var.node_pool
  # Above that of executors: without dispatchers nobody uses them.
  priority = 70

  ui {
    description = "Paddock's HTTP service. It starts and ends the executors, the jobs ${var.prefix}-POOL."
    dynamic "link" {
      for_each = var.ui_link == "" ? [] : [var.ui_link]
      content {
        label = "Paddock"
        url   = link.value
      }
    }
  }

  group "dispatcher" {
    count = var.replicas

    spread {
      attribute = "$${node.unique.id}"
    }
    dynamic "constraint" {
      for_each = var.distinct_hosts ? [true] : []
      content {
        operator = "distinct_hosts"
        value    = "true"
      }
    }

    # One after the other, each only once a new one serves. Executors go on meanwhile.
    update {
      max_parallel      = 1
      canary            = 1
      auto_promote      = true
      auto_revert       = true
      health_check      = "checks"
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
    }

    restart {
      attempts = 3
      interval = "5m"
      delay    = "2s"
      mode     = "fail"
    }
    reschedule {
      delay          = "5s"
      delay_function = "exponential"
      max_delay      = "2m"
      unlimited      = true
    }

    network {
      mode = "host"
      port "http" {
        static = var.port
      }
    }

    # Nomad lists a dispatcher from the start of its task on, half a second before it listens, and whatever its check
    # says. A caller whose connection is refused tries the next one.
    service {
      name     = var.prefix
      provider = "nomad"
      port     = "http"

      check {
        name            = "ready"
        type            = "http"
        path            = "/readyz"
        protocol        = var.tls == null ? "http" : "https"
        tls_skip_verify = var.tls != null
        interval        = "5s"
        timeout         = "2s"
      }
    }

    # From leaving the service to SIGTERM: callers see it in time and send no more.
    shutdown_delay = "5s"

    task "dispatcher" {
      driver      = "raw_exec"
      kill_signal = "SIGTERM"
      # More than PADDOCK_GRACE_MS, in which accepted executions end. Clients cap it with max_kill_timeout.
      kill_timeout = "45s"

      config {
        command = "${var.home}/scripts/paddock"
        args    = ["serve"]
      }

      # NOMAD_TOKEN: what it asks of Nomad it asks as this job, whose rights are in nomad/acl/dispatcher.policy.hcl.
      identity {
        env = true
      }

      env = merge(
        {
          NOMAD_ADDR           = "unix://$${NOMAD_SECRETS_DIR}/api.sock"
          PADDOCK_CLUSTER      = "nomad"
          PADDOCK_NOMAD_PREFIX = var.prefix
          PADDOCK_NODE_HOME    = var.home
          PADDOCK_UI_LINK      = var.ui_link
          PADDOCK_HOST         = "$${NOMAD_IP_http}"
          PADDOCK_PORT         = "$${NOMAD_PORT_http}"
          PADDOCK_POOLS_FILE   = "$${NOMAD_TASK_DIR}/pools.yaml"
          PADDOCK_TOKENS_FILE  = "$${NOMAD_SECRETS_DIR}/tokens.json"
        },
        var.tls == null ? {} : {
          PADDOCK_TLS_CA   = var.tls.ca
          PADDOCK_TLS_CERT = var.tls.cert
          PADDOCK_TLS_KEY  = var.tls.key
        },
        var.environment,
      )

      # Another pools file is another version of this job: it rolls out as any other update does.
      template {
        data            = var.pools_file == "" ? "pools: [{ name: default }]\n" : file(var.pools_file)
        destination     = "local/pools.yaml"
        left_delimiter  = "<<<"
        right_delimiter = ">>>"
      }

      # Hashes of service tokens. Read again when it changes, so nothing is restarted.
      template {
        data        = <<-EOT
          {{ if nomadVarExists "${var.prefix}/tokens" }}{{ with nomadVar "${var.prefix}/tokens" }}{{ .tokens }}{{ end }}{{ else }}{"tokens": []}{{ end }}
        EOT
        destination = "secrets/tokens.json"
        perms       = "600"
        change_mode = "noop"
      }

      resources {
        cpu    = var.cpu_mhz
        memory = var.memory_mb
      }

      logs {
        max_files     = 5
        max_file_size = 10
      }
    }
  }
}
