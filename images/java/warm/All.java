import java.io.*;
import java.util.*;
import java.util.function.*;
import java.util.stream.*;

/** All that programs are made of. Compiled during the preparation, so that its parts of the compiler are archived; never run. */
public class All {
  interface Shape {
    double area();
  }

  record Circle(double radius) implements Shape {
    public double area() {
      return Math.PI * radius * radius;
    }
  }

  enum Colour { RED, GREEN }

  static abstract class Animal {
    protected final String name;

    Animal(String name) {
      this.name = name;
    }

    abstract String sound();

    @Override
    public String toString() {
      return name + " says " + sound();
    }
  }

  static class Dog extends Animal {
    Dog() {
      super("Dog");
    }

    @Override
    String sound() {
      return "woof";
    }
  }

  static <T extends Comparable<T>> T largest(List<T> items) {
    T best = items.get(0);
    for (T item : items) if (item.compareTo(best) > 0) best = item;
    return best;
  }

  public static void main(String[] args) throws IOException {
    Scanner scanner = new Scanner(System.in);
    int n = scanner.hasNextInt() ? scanner.nextInt() : 10;
    int[] numbers = new int[n];
    for (int i = 0; i < n; i++) numbers[i] = i * i % 7;
    Arrays.sort(numbers);
    Map<String, Integer> counts = new HashMap<>();
    for (String word : "a b a".split(" ")) counts.merge(word, 1, Integer::sum);
    List<Shape> shapes = new ArrayList<>(List.of(new Circle(1), new Circle(2)));
    Function<Integer, Integer> twice = x -> x * 2;
    String joined = IntStream.range(0, n).boxed().map(twice).filter(x -> x % 4 == 0).map(String::valueOf)
        .collect(Collectors.joining(", "));
    StringBuilder builder = new StringBuilder();
    for (Map.Entry<String, Integer> entry : counts.entrySet()) {
      builder.append(entry.getKey()).append('=').append(entry.getValue()).append('\n');
    }
    try (BufferedReader reader = new BufferedReader(new StringReader(joined))) {
      System.out.println(reader.readLine());
    } catch (IOException | IllegalStateException e) {
      System.err.println("failed: " + e.getMessage());
      throw new RuntimeException(e);
    } finally {
      System.out.printf("%d %s%n", n, builder);
    }
    switch (Colour.values()[n % 2]) {
      case RED:
        System.out.println("red");
        break;
      default:
        System.out.println("green");
    }
    String kind = switch (n) {
      case 0, 1 -> "few";
      default -> "many";
    };
    System.out.println(kind + largest(Arrays.asList(3, 1, 2)) + new Dog() + shapes.stream().mapToDouble(Shape::area).sum());
    Runnable later = () -> System.out.println("later");
    new Thread(later).start();
    Object object = shapes;
    if (object instanceof List<?> list && !list.isEmpty()) System.out.println(list.size());
    while (n-- > 0) if (n == 3) continue; else if (n == 1) break;
  }
}
