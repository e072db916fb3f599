import java.math.BigInteger;
import java.time.LocalDate;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.*;
import java.util.stream.*;

public class Main {
  sealed interface Shape permits Circle, Square {}

  record Circle(double radius) implements Shape {}

  record Square(double side) implements Shape {}

  static double area(Shape shape) {
    if (shape instanceof Circle c) return Math.PI * c.radius() * c.radius();
    if (shape instanceof Square s) return s.side() * s.side();
    throw new AssertionError();
  }

  public static void main(String[] args) throws Exception {
    System.out.println(Stream.of("pear", "fig", "apple").sorted(Comparator.comparing(String::length)).toList());
    System.out.println(IntStream.rangeClosed(1, 5).boxed().collect(Collectors.groupingBy(n -> n % 2)));
    System.out.printf("%.2f %s%n", area(new Circle(1)), BigInteger.TWO.pow(100));
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Future<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int n = i;
      futures.add(pool.submit(() -> n * n));
    }
    int sum = 0;
    for (Future<Integer> future : futures) sum += future.get();
    pool.shutdown();
    System.out.println(sum + " " + LocalDate.of(2024, 2, 28).plusDays(2));
    String text = """
        block
          of text
        """;
    System.out.print(text);
    Map<String, Integer> counts = new TreeMap<>();
    for (String word : "b a b".split(" ")) counts.merge(word, 1, Integer::sum);
    System.out.println(counts);
    Supplier<Optional<String>> supplier = () -> Optional.of("x");
    System.out.println(supplier.get().map(String::toUpperCase).orElse("none"));
    System.out.println(IntStream.range(0, 1000).parallel().sum());
  }
}
