public class ThreadBomb {
  public static void main(String[] args) {
    int made = 0;
    long end = System.currentTimeMillis() + 6000;
    try {
      while (made < 3000 && System.currentTimeMillis() < end) {
        Thread t = new Thread(null, () -> { try { Thread.sleep(6000); } catch (InterruptedException e) { } }, "t", 65536);
        t.setDaemon(true);
        t.start();
        made++;
      }
    } catch (Throwable e) {
      System.out.println("threads refused after " + made + " " + e);
      System.exit(1);
    }
    System.out.println("BROKEN: thread bomb (" + made + " threads)");
  }
}
