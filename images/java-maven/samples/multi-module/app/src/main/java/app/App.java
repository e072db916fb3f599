package app;

import exercise.Calculator;

public class App {
  public static int twice(int value) {
    return new Calculator().add(value, value);
  }
}
