import java.util.*;
import java.util.function.*;
public class CompileBomb {
  static <A> Function<A, A> id(Function<A, A> f) { return f; }
  static <T> T pick(T a, T b) { return a; }
  public static void main(String[] args) {
    var x = pick(pick(pick(pick(List.of(1), Set.of("")), Map.of(1, List.of(2))), pick(pick(Optional.of(1), new TreeMap<String, List<Integer>>()), new int[0])), pick(pick(pick(1, ""), 2.0), pick('c', List.of(List.of(List.of(1))))));
    Runnable r = () -> { Runnable a = () -> { Runnable b = () -> { Runnable c = () -> { Runnable d = () -> { Runnable e = () -> { Runnable f = () -> { Runnable g = () -> { Runnable h = () -> { System.out.println(pick(pick(1, () -> 2), pick("", List.of(3)))); }; }; }; }; }; }; }; }; };
  }
}
