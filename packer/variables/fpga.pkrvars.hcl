# Nodes with an FPGA. Their boards' makers give the drivers: install these in a provisioner of your own.
image_version  = "1"
hardware_class = "fpga"
architecture   = "amd64"
disk_gb        = 60
region = {
  aws   = "eu-central-1"
  gcp   = "europe-west3"
  azure = "westeurope"
}
instance_type = {
  aws   = "f2.6xlarge"
  gcp   = "n2-standard-2"
  azure = "Standard_NP10s"
}
