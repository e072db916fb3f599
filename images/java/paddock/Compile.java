package paddock;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TaskEvent;
import com.sun.source.util.TaskListener;
import com.sun.tools.javac.api.BasicJavacTask;
import com.sun.tools.javac.api.ClientCodeWrapper.DiagnosticSourceUnwrapper;
import com.sun.tools.javac.api.DiagnosticFormatter;
import com.sun.tools.javac.api.JavacTaskPool;
import com.sun.tools.javac.util.JCDiagnostic;
import com.sun.tools.javac.util.Log;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticListener;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.ForwardingJavaFileObject;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The compiler, started ahead: by the time it is told to go it has compiled a small program in memory, so that its own
 * code is loaded and linked. Leaves class files beside the sources, and the main class's name in .paddock/main.
 *
 * One small program, once: whatever is warmed up costs each sandbox CPU time, used or not. To compile a larger one four
 * times took more of it than a bare `java Main.java` takes altogether, and made a small program's compilation no faster.
 */
final class Compile {
  private static final List<String> OPTIONS = List.of("-proc:none", "-encoding", "UTF-8", "-cp", "/work", "-d", "/work");

  private final StandardJavaFileManager files =
      ToolProvider.getSystemJavaCompiler().getStandardFileManager(null, null, StandardCharsets.UTF_8);
  /** One for all compilations: parts of the compiler that the pool keeps hold on to the first they get. */
  private final Output output = new Output(files);
  /** Keeps the compiler's tables of the Java library from one compilation to the next. */
  private final JavacTaskPool pool = new JavacTaskPool(1);

  public static void main(String[] arguments) throws Exception {
    Compile compile = new Compile();
    if (arguments.length == 0) {
      compile.warmUp("Common.java");
      end(compile.program(Go.await().entry));
    } else if (arguments[0].equals("--record")) {
      compile.warmUp("Common.java", "All.java", "Faulty.java");
      // Once more with files: what walks folders, reads and writes is archived as well.
      if (compile.program("Common.java") != 0) throw new AssertionError("Common.java does not compile");
    } else {
      end(compile.program(arguments[0]));
    }
  }

  /** Ends at once: nothing is left to be closed or flushed. */
  private static void end(int code) {
    System.err.flush();
    Runtime.getRuntime().halt(code);
  }

  private int program(String entry) throws IOException {
    List<JavaFileObject> sources = new ArrayList<>();
    try (Stream<Path> paths = Files.walk(Path.of(""))) {
      for (Path path : paths.filter(p -> p.toString().endsWith(".java")).sorted().collect(Collectors.toList())) {
        for (JavaFileObject source : files.getJavaFileObjects(path)) {
          sources.add(path.toString().equals(entry) && path.getNameCount() == 1 ? new AnyName(source) : source);
        }
      }
    }
    MainClass mainClass = new MainClass(entry);
    Report report = new Report();
    output.kept = true;
    boolean compiled = compile(report, sources, mainClass);
    report.print();
    if (!compiled) return 1;
    if (mainClass.name() == null) {
      System.err.println("error: no class in " + entry + " has a method public static void main(String[])");
      return 1;
    }
    Files.createDirectory(Path.of(".paddock"));
    Files.writeString(Path.of(".paddock/main"), mainClass.name());
    return 0;
  }

  private boolean compile(Report report, List<JavaFileObject> sources, TaskListener listener) {
    return pool.getTask(report.other, output, report, OPTIONS, null, sources, (JavacTask task) -> {
      report.formatter = Log.instance(((BasicJavacTask) task).getContext()).getDiagnosticFormatter();
      task.addTaskListener(listener);
      return task.call();
    });
  }

  private void warmUp(String... names) throws IOException {
    for (String name : names) {
      JavaFileObject source = new Memory(name, Files.readString(Path.of("/opt/paddock/runtime/warm/" + name)));
      compile(new Report(), List.of(source), new MainClass(name));
    }
  }

  /** What javac says, in its own form. */
  private static final class Report implements DiagnosticListener<JavaFileObject> {
    /** What does not concern a source: faults of the compiler itself. */
    final StringWriter other = new StringWriter();
    /** Javac's own, which a diagnostic by itself does not use: it shortens the names of classes. */
    private DiagnosticFormatter<JCDiagnostic> formatter;
    private final StringBuilder text = new StringBuilder();
    private int errors;
    private int warnings;

    @Override
    public void report(Diagnostic<? extends JavaFileObject> diagnostic) {
      if (diagnostic.getKind() == Diagnostic.Kind.ERROR) errors++;
      else if (diagnostic.getKind() != Diagnostic.Kind.NOTE) warnings++;
      text.append(formatter.format(((DiagnosticSourceUnwrapper) diagnostic).d, Locale.getDefault())).append('\n');
    }

    void print() {
      PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.err), false, StandardCharsets.UTF_8);
      out.print(text.append(other));
      if (errors > 0) out.println(errors == 1 ? "1 error" : errors + " errors");
      if (warnings > 0) out.println(warnings == 1 ? "1 warning" : warnings + " warnings");
      out.flush();
    }
  }

  /** Finds the class to start: the first one in the entry that has a main method, otherwise the first in any file. */
  private static final class MainClass implements TaskListener {
    private final String entry;
    private String inEntry;
    private String elsewhere;

    MainClass(String entry) {
      this.entry = entry;
    }

    String name() {
      return inEntry != null ? inEntry : elsewhere;
    }

    @Override
    public void finished(TaskEvent event) {
      if (event.getKind() != TaskEvent.Kind.PARSE) return;
      CompilationUnitTree unit = event.getCompilationUnit();
      for (Tree type : unit.getTypeDecls()) {
        if (!(type instanceof ClassTree) || !hasMain((ClassTree) type)) continue;
        String simple = ((ClassTree) type).getSimpleName().toString();
        String name = unit.getPackageName() == null ? simple : unit.getPackageName() + "." + simple;
        boolean isEntry = unit.getSourceFile().getName().equals(entry);
        if (isEntry && inEntry == null) inEntry = name;
        if (!isEntry && elsewhere == null) elsewhere = name;
      }
    }

    private static boolean hasMain(ClassTree type) {
      return type.getMembers().stream()
          .anyMatch(
              member ->
                  member instanceof MethodTree
                      && ((MethodTree) member).getName().contentEquals("main")
                      && ((MethodTree) member).getParameters().size() == 1
                      && (type.getKind() == Tree.Kind.INTERFACE
                          || ((MethodTree) member).getModifiers().getFlags().contains(Modifier.PUBLIC))
                      && ((MethodTree) member).getModifiers().getFlags().contains(Modifier.STATIC));
    }
  }

  /** The entry may hold a public class of another name, as with `java Main.java`. */
  private static final class AnyName extends ForwardingJavaFileObject<JavaFileObject> {
    AnyName(JavaFileObject source) {
      super(source);
    }

    @Override
    public boolean isNameCompatible(String simpleName, Kind kind) {
      return kind == Kind.SOURCE;
    }
  }

  private static final class Memory extends SimpleJavaFileObject {
    private final String content;

    Memory(String name, String content) {
      super(URI.create("string:///" + name), Kind.SOURCE);
      this.content = content;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return content;
    }
  }

  /** Throws away what is compiled while warming up. */
  private static final class Output extends ForwardingJavaFileManager<StandardJavaFileManager> {
    private boolean kept = false;

    Output(StandardJavaFileManager files) {
      super(files);
    }

    @Override
    public JavaFileObject getJavaFileForOutput(
        JavaFileManager.Location location, String name, JavaFileObject.Kind kind, FileObject sibling)
        throws IOException {
      if (kept) return super.getJavaFileForOutput(location, name, kind, sibling);
      return new SimpleJavaFileObject(URI.create("memory:///" + name), kind) {
        @Override
        public OutputStream openOutputStream() {
          return OutputStream.nullOutputStream();
        }
      };
    }
  }
}
