package paddock;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.stream.Collectors;
import jdk.internal.misc.Unsafe;
import jdk.internal.vm.annotation.Hidden;

/**
 * Waits, then becomes the program. Its one frame below the program's own is hidden from stack traces, which the JVM
 * grants to classes on the boot class path, so that an exception simply passes through and the JVM itself reports it.
 */
final class Run {
  @Hidden
  public static void main(String[] arguments) throws Throwable {
    if (arguments.length > 0 && arguments[0].equals("--record")) {
      warmUp();
      use();
      return;
    }
    Go go;
    if (arguments.length == 0) {
      warmUp();
      go = Go.await();
      Environment.replace(go.environment);
    } else {
      go = new Go(arguments[0], Arrays.copyOfRange(arguments, 1, arguments.length), null);
    }
    String name = Files.readString(Path.of("/work/.paddock/main"));
    System.setProperty("sun.java.command", name);
    Class<?> type = Class.forName(name, false, ClassLoader.getSystemClassLoader());
    initialize(type);
    MethodHandle main = mainMethod(type);
    main.invokeExact(go.arguments);
  }

  /** Runs the static initializers. Where they fail, the frames of this call are taken out of the stack traces. */
  @Hidden
  private static void initialize(Class<?> type) throws Throwable {
    try {
      Unsafe.getUnsafe().ensureClassInitialized(type);
    } catch (Throwable thrown) {
      for (Throwable each = thrown; each != null; each = each.getCause()) {
        StackTraceElement[] frames = each.getStackTrace();
        int length = frames.length;
        while (length > 0 && frames[length - 1].getClassName().equals(Unsafe.class.getName())) length--;
        each.setStackTrace(Arrays.copyOf(frames, length));
      }
      throw thrown;
    }
  }

  private static MethodHandle mainMethod(Class<?> type) throws ReflectiveOperationException {
    Method method = type.getMethod("main", String[].class);
    method.setAccessible(true);
    return MethodHandles.lookup().unreflect(method).asFixedArity();
  }

  /** Goes the way of every program once, and no further: what else is warmed up costs each sandbox, used or not. */
  private static void warmUp() throws Exception {
    Go.parse("Main.java\0001\000argument\000NAME=value\000".getBytes(StandardCharsets.UTF_8));
    Environment.replace(null);
    Files.readString(Path.of("/opt/paddock/runtime/warm/Common.java"));
    try {
      MethodHandles.lookup().unreflect(Run.class.getDeclaredMethod("nothing", String[].class)).invoke(new String[0]);
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }

  /** Uses what programs use of the library, while it is recorded which classes that takes. */
  private static void use() throws Exception {
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, "UTF-8");
    Scanner scanner = new Scanner(new ByteArrayInputStream("1 2.5 word\nline\n".getBytes(StandardCharsets.UTF_8)));
    out.println(scanner.nextInt() + " " + scanner.nextDouble() + scanner.next() + scanner.nextLine());
    new BufferedReader(new InputStreamReader(new ByteArrayInputStream(new byte[] {'a', '\n'}))).readLine();
    Map<String, List<Integer>> map = new HashMap<>();
    map.computeIfAbsent("key", key -> new ArrayList<>()).add(3);
    out.printf("%d %s %.2f%n", 1, "text", 1.5);
    out.println(String.format("%5d|%-5s", 1, "a") + map);
    out.println(List.of(3, 1, 2).stream().filter(n -> n > 1).map(n -> "n" + n).sorted().collect(Collectors.joining(",")));
    StringBuilder builder = new StringBuilder();
    for (Map.Entry<String, List<Integer>> entry : map.entrySet()) builder.append(entry.getKey()).append(entry.getValue());
    out.println(builder);
    new IllegalStateException("text").printStackTrace(out);
  }

  static void nothing(String[] arguments) {}
}
