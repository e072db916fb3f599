import java.util.List;

/** The names are those of the programs that the compiler has seen before. */
public class Main {
  public static void main(String[] args) {
    System.out.println(new Common().name() + Square.ONE + Shape.class.getSimpleName() + new Animal(2) + Faulty.list());
  }
}

class Common {
  String name() {
    return "Common ";
  }
}

enum Square {
  ONE
}

interface Shape {}

record Animal(int legs) {}

class Faulty {
  static List<String> list() {
    return List.of("fine");
  }
}
