# What Paddock's dispatchers may do: keep the pools' jobs registered, dispatch executors from them, end them, and
# elect a leader. Applied to the dispatchers' job, so that its workload identity has these rights and no token is
# kept anywhere:
#
#   nomad acl policy apply -namespace default -job paddock-dispatcher paddock-dispatcher nomad/acl/dispatcher.policy.hcl
#
# Another namespace or prefix: change it here as well. Nomad grants rights over jobs by namespace, not by name, so a
# namespace of its own (nomad/namespace.hcl) keeps dispatchers away from other jobs.

namespace "default" {
  capabilities = [
    "list-jobs",
    "read-job",       # jobs, allocations, evaluations and their events
    "plan-job",       # whether somebody has changed a pool's job
    "register-job",   # pools' jobs
    "dispatch-job",   # start executors
    "deregister-job", # end executors
    "purge-job",      # forget those that have ended
  ]

  variables {
    # The leader's lock, and the key that dispatchers' tokens are signed with.
    path "paddock/*" {
      capabilities = ["read", "write", "list"]
    }
    # Written by operators.
    path "paddock/tokens" {
      capabilities = ["read"]
    }
  }
}

# Which nodes are being drained: their executors are replaced elsewhere at once, and end when what they run has.
node {
  policy = "read"
}
