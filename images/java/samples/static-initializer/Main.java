public class Main {
  static {
    System.setErr(System.out);
  }

  static int number = 1 / Integer.parseInt("0");

  public static void main(String[] args) {}
}
