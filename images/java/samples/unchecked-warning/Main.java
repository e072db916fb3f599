import java.util.ArrayList;
import java.util.List;

public class Main {
  @Deprecated
  static void old() {}

  public static void main(String[] args) {
    List items = new ArrayList();
    items.add(1);
    old();
    System.out.println(items);
  }
}
