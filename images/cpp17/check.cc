// Compiled with and without a header that was precompiled in the faster way: the machine code must be the same.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  double side = 2;
  double area() const override { return side * side; }
};

int main(int, char **arguments) {
  std::vector<std::string> words(arguments, arguments + 1);
  std::sort(words.begin(), words.end(), std::greater<std::string>());
  std::map<std::string, std::vector<int>> places;
  for (const auto &word : words) places[word].push_back(static_cast<int>(word.size()));
  std::unique_ptr<Shape> shape(new Square);
  std::ostringstream text;
  text << shape->area() << ' ' << places.size();
  std::cout << text.str() << std::endl;
}
