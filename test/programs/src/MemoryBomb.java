import java.util.ArrayList;
import java.util.List;
public class MemoryBomb {
  public static void main(String[] args) {
    List<byte[]> kept = new ArrayList<>();
    for (int i = 0; i < 4096; i++) { byte[] b = new byte[1 << 20]; java.util.Arrays.fill(b, (byte) 7); kept.add(b); }
    System.out.println("BROKEN: memory (" + kept.size() + " MiB kept)");
  }
}
