package seed;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CoreTest {
  @Test
  void doubles() {
    assertThat(Core.twice(2)).isEqualTo(4);
  }
}
