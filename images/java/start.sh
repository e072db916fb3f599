# Starts one of the two JVMs. Usage: start.sh compile|run JAVA CLASS [ARGUMENT…]
kind=$1
java=$2
shift 2
prepared=/opt/paddock/prepared
case $kind in
  # A compiler lives for a second: the second, slower optimizer would not pay.
  compile)
    set -- -XX:TieredStopAtLevel=1 -cp "$prepared/paddock.jar" \
      --add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED \
      --add-exports=jdk.compiler/com.sun.tools.javac.util=ALL-UNNAMED "$@" ;;
  # The class path is the program's own.
  run) set -- -Xbootclasspath/a:"$prepared/paddock.jar" --add-exports=java.base/jdk.internal.misc=ALL-UNNAMED -cp /work "$@" ;;
esac
case ${PADDOCK_RECORD:+record} in
  record) set -- "-XX:ArchiveClassesAtExit=$PADDOCK_RECORD" "$@" ;;
  *) set -- "-XX:SharedArchiveFile=$prepared/$kind.jsa" "$@" ;;
esac
# A heap beyond any limit: a program that uses too much meets the sandbox's own limit, which is told apart from a crash.
# The default collector, G1, would start with 15 ms of CPU time less (only for it Java 17 maps objects from its archive), but
# programs with many objects take up to twice the CPU time under it.
exec "$java" -Xshare:auto -Xlog:disable -Xlog:all=off -XX:+UseSerialGC -XX:-UsePerfData -XX:ActiveProcessorCount=2 -Xmx2g \
  --add-exports=java.base/jdk.internal.access=ALL-UNNAMED "$@"
