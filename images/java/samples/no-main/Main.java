public class Main {
  void other() {}
}
