import java.util.*;

/** What nearly every program has. Compiled in memory by each compiler that waits; never run. */
public class Common {
  interface Shape {
    double area();
  }

  static class Square implements Shape {
    private final double side;

    Square(double side) {
      this.side = side;
    }

    @Override
    public double area() {
      return side * side;
    }
  }

  static int sum(int[] numbers) {
    int sum = 0;
    for (int number : numbers) sum += number;
    return sum;
  }

  public static void main(String[] args) {
    Scanner scanner = new Scanner(System.in);
    int n = scanner.hasNextInt() ? scanner.nextInt() : 10;
    int[] numbers = new int[n];
    for (int i = 0; i < n; i++) numbers[i] = i * i % 7;
    List<Shape> shapes = new ArrayList<>();
    shapes.add(new Square(2));
    Map<String, Integer> counts = new HashMap<>();
    for (String word : "a b a".split(" ")) counts.put(word, counts.getOrDefault(word, 0) + 1);
    StringBuilder text = new StringBuilder();
    while (n > 0) {
      text.append(n).append(' ');
      n--;
    }
    if (text.length() == 0 || args.length > 1) throw new IllegalStateException("empty: " + text);
    System.out.println(sum(numbers) + " " + counts + shapes.get(0).area());
  }
}
