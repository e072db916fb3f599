#include <bits/stdc++.h>
using namespace std;

template <typename T>
concept Number = integral<T> || floating_point<T>;

template <Number T>
T twice(T value) {
  return value * 2;
}

struct Point {
  int x, y;
  auto operator<=>(const Point &) const = default;
};

int main() {
  vector<int> numbers{1, 2, 3, 4, 5, 6};
  for (int n : numbers | views::filter([](int n) { return n % 2 == 0; }) | views::transform(twice<int>)) cout << n << ' ';
  cout << '\n' << (Point{1, 2} < Point{1, 3}) << ' ' << twice(1.5) << '\n';
  ranges::sort(numbers, greater{});
  span<int> view(numbers);
  cout << view.front() << ' ' << popcount(255u) << ' ' << "starts"s.starts_with("st") << '\n';
  jthread thread([] { cout << "in a thread" << endl; });
  thread.join();
  cout << __cplusplus << '\n';
}
