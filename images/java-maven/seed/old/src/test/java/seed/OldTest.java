package seed;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class OldTest {
  @Test
  public void doubles() {
    assertEquals(4, Core.twice(2));
  }
}
