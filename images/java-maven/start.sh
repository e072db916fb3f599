# Usage: start.sh compile|run [--wait] [GOAL…]. Starts Maven, ahead with --wait.
maven=/usr/share/paddock-maven
prepared=/opt/paddock/prepared
path=$prepared/paddock.jar
for jar in "$maven"/boot/*.jar "$maven"/lib/*.jar; do path=$path:$jar; done
# A build lives for seconds: the second, slower optimizer would not pay.
case ${PADDOCK_RECORD:+record} in
  record) set -- -XX:ArchiveClassesAtExit="$prepared/maven.jsa" -cp "$path" paddock.Maven "$@" ;;
  *) set -- -XX:SharedArchiveFile="$prepared/maven.jsa" -cp "$path" paddock.Maven "$@" ;;
esac
exec /usr/bin/java -Xshare:auto -Xlog:disable -Xlog:all=off -XX:+UseSerialGC -XX:-UsePerfData -XX:TieredStopAtLevel=1 \
  -Xmx2g --add-exports=java.base/jdk.internal.access=ALL-UNNAMED -Dmaven.home="$maven" \
  -Dmaven.repo.local=/tmp/.repository -Dmaven.repo.local.tail="$maven/repository" \
  -Dmaven.repo.local.tail.ignoreAvailability=true -Dorg.slf4j.simpleLogger.showDateTime=false \
  -Dorg.slf4j.simpleLogger.showThreadName=false -Dorg.slf4j.simpleLogger.showLogName=false \
  -Dorg.slf4j.simpleLogger.levelInBrackets=true -Dorg.slf4j.simpleLogger.logFile=System.out \
  -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
  -Dorg.slf4j.simpleLogger.log.org.apache.maven.plugin.surefire=info "$@"
