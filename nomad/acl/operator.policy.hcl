# What people need who look after Paddock with the nomad CLI, Nomad's UI and `paddock nomad status|drain|logs`: see
# everything, drain nodes, end executors, run the jobs' actions, and hand out service tokens.
#
#   nomad acl policy apply paddock-operator nomad/acl/operator.policy.hcl
#   nomad acl token create -name=ann -policy=paddock-operator
#
# Registering jobs is not among it: a job that runs as raw_exec is root on its node. `paddock nomad register --apply`
# and `nomad job run` need "register-job" as well.

namespace "default" {
  capabilities = [
    "list-jobs",
    "parse-job",
    "read-job",
    "plan-job",        # paddock nomad register --dry-run
    "read-logs",       # of executors and dispatchers; what programs print is not in them
    "alloc-lifecycle", # nomad alloc restart, nomad alloc stop
    "deregister-job",  # nomad job stop
    # The jobs' actions, and nomad alloc exec. Executors are not in a container, so this is a shell on their nodes:
    # leave both out for those who need not have that.
    "alloc-exec",
    "alloc-node-exec",
  ]

  variables {
    path "paddock/leader" {
      capabilities = ["read", "list"]
    }
    path "paddock/tokens" {
      capabilities = ["read", "write", "list"]
    }
  }
}

# nomad node drain, nomad node meta apply
node {
  policy = "write"
}

node_pool "*" {
  policy = "read"
}

# nomad agent-info; which version answers
agent {
  policy = "read"
}
