package paddock;

import java.io.DataInputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jdk.internal.access.SharedSecrets;
import org.apache.maven.cli.MavenCli;

/**
 * Maven without a network. Usage: Maven compile|run [--wait] [GOAL…]. With --wait it reads a project of its own first, which
 * loads what every build loads, and waits for go on descriptor 3.
 */
public final class Maven {
  private static final String EXEC = "org.codehaus.mojo:exec-maven-plugin:3.5.0:";
  private static final String REHEARSAL = "/opt/paddock/runtime/seed/pom.xml";

  public static void main(String[] arguments) throws IOException {
    boolean waits = arguments.length > 1 && arguments[1].equals("--wait");
    List<String> given = new ArrayList<>(Arrays.asList(arguments).subList(waits ? 2 : 1, arguments.length));
    if (waits) {
      rehearse();
      given.addAll(waitForGo());
    }
    System.exit(build(command(arguments[0].equals("compile"), given), System.getProperty("user.dir"), System.out, System.err));
  }

  private static String[] command(boolean compiles, List<String> given) {
    List<String> all = new ArrayList<>(List.of("--offline", "--batch-mode", "--no-transfer-progress"));
    if (compiles) {
      all.addAll(List.of("--quiet", "-Dmaven.test.skip=false", "test-compile"));
    } else if (!given.isEmpty()) {
      // Maven looks for the plugin of a prefix in repositories that are written to, never in the image's.
      given.forEach(goal -> all.add(goal.startsWith("exec:") ? EXEC + goal.substring("exec:".length()) : goal));
    } else {
      // What was compiled is newer than nothing and older than nothing here: files have the times of their arrival. Tests run in
      // this JVM, which has the sandbox for itself, where the project does not ask for another.
      all.addAll(List.of("-Dmaven.main.skip=true", "-Dmaven.compiler.useIncrementalCompilation=false",
          "-DlastModGranularityMs=2147483647", "-DforkCount=0", "test"));
    }
    return all.toArray(String[]::new);
  }

  private static int build(String[] command, String folder, PrintStream out, PrintStream err) {
    System.setProperty("maven.multiModuleProjectDirectory", folder);
    return new MavenCli().doMain(command, folder, out, err);
  }

  private static void rehearse() {
    PrintStream out = System.out;
    PrintStream err = System.err;
    PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
    build(new String[] {"--offline", "--batch-mode", "--quiet", "--file", REHEARSAL, "validate"}, "/tmp", nowhere, nowhere);
    System.setOut(out);
    System.setErr(err);
  }

  /** Returns the arguments. */
  private static List<String> waitForGo() throws IOException {
    FileDescriptor descriptor = new FileDescriptor();
    SharedSecrets.getJavaIOFileDescriptorAccess().set(descriptor, 3);
    byte[] message;
    try (FileOutputStream out = new FileOutputStream(descriptor);
        DataInputStream in = new DataInputStream(new FileInputStream(descriptor))) {
      out.write('R');
      message = new byte[Integer.reverseBytes(in.readInt())];
      in.readFully(message);
    } catch (IOException gone) {
      System.exit(0); // The executor needs this sandbox no more.
      throw gone;
    }
    String[] parts = new String(message, StandardCharsets.UTF_8).split("\0", -1);
    return Arrays.asList(parts).subList(2, 2 + Integer.parseInt(parts[1]));
  }
}
