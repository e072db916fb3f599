package exercise;

import org.junit.jupiter.api.Test;

class CalculatorTest {
  @Test
  void adds() {
    org.assertj.core.api.Assertions.assertThat(new Calculator().json(3)).isEqualTo("[3]");
  }
}
