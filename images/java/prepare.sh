# Usage: prepare.sh JAVA. Leaves paddock.jar and the archives compile.jsa and run.jsa in the working folder.
set -eu
java=$1
bin=$(dirname "$(readlink -f "$java")")
mkdir /tmp/classes
"$bin/javac" -nowarn -proc:none -d /tmp/classes \
  --add-exports=java.base/jdk.internal.access=ALL-UNNAMED --add-exports=java.base/jdk.internal.misc=ALL-UNNAMED \
  --add-exports=java.base/jdk.internal.vm.annotation=ALL-UNNAMED \
  --add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED \
  --add-exports=jdk.compiler/com.sun.tools.javac.util=ALL-UNNAMED /opt/paddock/runtime/paddock/*.java
"$bin/jar" --create --no-compress --file paddock.jar -C /tmp/classes .
# An archive names the jar by the path it is used under later. The compiler records a compilation of files, too, and
# leaves their class files in the working folder.
mkdir /tmp/sources
cp /opt/paddock/runtime/warm/Common.java /tmp/sources
cd /tmp/sources
for kind in compile run; do
  case $kind in compile) class=paddock.Compile ;; run) class=paddock.Run ;; esac
  PADDOCK_RECORD="/opt/paddock/prepared/$kind.jsa" /bin/sh /opt/paddock/runtime/start.sh "$kind" "$java" "$class" --record
done
rm /work/*.class
