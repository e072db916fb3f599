#include <string>
#include <iostream>

int main() {
  std::string text = "Grüße, 世界, 🐎";
  std::cout << text << '\n' << std::u32string(U"世界").size() << '\n';
}
