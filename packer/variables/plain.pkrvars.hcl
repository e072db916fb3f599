# Nodes without anything special.
image_version  = "1"
hardware_class = "plain"
architecture   = "amd64"
