import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

public class Main {
  public static void main(String[] args) throws IOException {
    String größe = new BufferedReader(new InputStreamReader(System.in)).readLine();
    System.out.println("Grüße, " + größe + ", 🐎");
    System.out.println(größe.length());
  }
}
