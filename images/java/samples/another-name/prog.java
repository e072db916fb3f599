class Helper {
  static String greet() {
    return "Hello from " + Helper.class.getName();
  }
}

public class Greeting {
  public static void main(String... args) {
    System.out.println(Helper.greet());
  }
}
