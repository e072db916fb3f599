package exercise;

import com.google.gson.Gson;

public class Calculator {
  public int add(int a, int b) {
    return a + b;
  }

  public String json(int value) {
    return new Gson().toJson(new int[] {value});
  }

  public static void main(String[] args) {
    System.out.println("sum " + new Calculator().add(20, 22));
  }
}
