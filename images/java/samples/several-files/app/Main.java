package app;

import app.shapes.Square;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

public class Main {
  public static void main(String[] args) throws IOException {
    System.out.println(new Square(3).area() + " " + Main.class.getName());
    System.out.print(Files.readString(Path.of("data.txt")));
    System.out.println(Main.class.getResource("/data.txt") != null);
  }
}
