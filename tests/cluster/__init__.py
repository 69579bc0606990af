"""A real Kubernetes for the tests, from Go modules: a control plane in seconds, or a whole cluster with a node.

    binaries  builds what is needed, once a user        process  a program of ours and its end
    control_plane  etcd, API server, controllers         node     containerd, kubelet, the pods' network
    storage   a real S3 server                           registry, images  where the node's images come from
    whole     all of it together                           __main__ the same for a contributor: `make cluster-up`
"""
