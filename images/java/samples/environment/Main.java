import java.util.TreeSet;

public class Main {
  public static void main(String[] args) throws Exception {
    System.out.println(new TreeSet<>(System.getenv().keySet()) + " " + System.getenv("GREETING"));
    System.out.println(System.getProperty("user.dir") + " " + System.getProperty("java.class.path"));
    System.out.println(Thread.currentThread().getContextClassLoader() == Main.class.getClassLoader());
  }
}
