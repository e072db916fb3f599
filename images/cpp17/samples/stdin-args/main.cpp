#include <iostream>
#include <numeric>
#include <vector>

int main(int argc, char **argv) {
  std::vector<int> numbers;
  for (int number; std::cin >> number;) numbers.push_back(number);
  std::cout << std::accumulate(numbers.begin(), numbers.end(), 0) << '\n';
  for (int i = 1; i < argc; i++) std::cout << '[' << argv[i] << "]\n";
}
