# Leaves paddock.jar and maven.jsa, the archive of the classes that a build of the sample project loads.
set -eu
mkdir /tmp/classes
javac -nowarn -proc:none -d /tmp/classes --add-exports=java.base/jdk.internal.access=ALL-UNNAMED \
  -cp '/usr/share/paddock-maven/lib/*:/usr/share/paddock-maven/boot/*' /opt/paddock/runtime/paddock/*.java
jar --create --no-compress --file paddock.jar -C /tmp/classes .
cp -r /opt/paddock/runtime/seed /tmp/seed
cd /tmp/seed
PADDOCK_RECORD=1 /bin/sh /opt/paddock/runtime/start.sh run -DforkCount=0 test
