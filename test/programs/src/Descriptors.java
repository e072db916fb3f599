import java.nio.file.*;
public class Descriptors {
  public static void main(String[] args) throws Exception {
    try (var list = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path p : list) {
        String target;
        try { target = Files.readSymbolicLink(p).toString(); } catch (Exception e) { continue; }
        int n = Integer.parseInt(p.getFileName().toString());
        boolean own = n <= 2 || target.startsWith("/usr/") || target.startsWith("/work") || target.startsWith("/opt/paddock") || target.startsWith("/proc/") || target.matches("/dev/u?random") || target.startsWith("/etc/java");
        // The JVM keeps one end of a pair whose other end it has closed, to mark closed sockets with: the only unix socket here.
        if (target.startsWith("socket:")) own = Files.readAllLines(Path.of("/proc/net/unix")).size() == 2;
        System.out.println((own ? "held" : "BROKEN") + ": descriptor (" + n + " -> " + target + ")");
      }
    }
  }
}
