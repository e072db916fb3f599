import java.util.List;

/** The names are those of the program that the compiler warms up with. */
public class Main {
  public static void main(String[] args) {
    System.out.println(new Warm().name() + Circle.ONE + Colour.class.getSimpleName() + new Animal(2) + Faulty.list());
  }
}

class Warm {
  String name() {
    return "Warm ";
  }
}

enum Circle {
  ONE
}

interface Colour {}

record Animal(int legs) {}

class Faulty {
  static List<String> list() {
    return List.of("fine");
  }
}
