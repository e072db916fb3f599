/** Has mistakes on purpose: to report them is part of what the compiler warms up. */
public class Faulty {
  public static void main(String[] args) {
    int number = "text";
    System.out.println(missing);
  }
}
