public class Main {
  static int depth;

  static void down() {
    depth++;
    down();
  }

  public static void main(String[] args) {
    try {
      down();
    } catch (StackOverflowError e) {
      System.out.println(depth > 1000);
    }
  }
}
