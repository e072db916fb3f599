package exercise;

public class Calculator {
  public int add(int a, int b) {
    return a + b;
  }

  public static void main(String[] args) {
    System.out.println("sum " + new Calculator().add(20, 22));
  }
}
