public class Main {
  static int divide(int by) {
    return 1 / by;
  }

  public static void main(String[] args) {
    System.setErr(System.out);
    System.out.println(new Throwable().getStackTrace().length + " " + Thread.currentThread().getName());
    try {
      divide(0);
    } catch (ArithmeticException e) {
      throw new IllegalStateException("wrapped", e);
    }
  }
}
