# Nodes with an NVIDIA GPU. The image is made on one, so that the driver is tried before the image is kept.
image_version  = "1"
hardware_class = "gpu"
architecture   = "amd64"
disk_gb        = 60
instance_type = {
  aws   = "g5.xlarge"
  gcp   = "g2-standard-4"
  azure = "Standard_NC4as_T4_v3"
}
