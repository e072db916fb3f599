package seed;

public class Core {
  public static int twice(int value) {
    return 2 * value;
  }

  public static void main(String[] args) {
    System.out.println(twice(21));
  }
}
