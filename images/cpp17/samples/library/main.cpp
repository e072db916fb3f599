#include <bits/stdc++.h>
using namespace std;

int main() {
  map<string, vector<int>> groups{{"odd", {1, 3}}, {"even", {2}}};
  for (const auto &[name, numbers] : groups) cout << name << ' ' << numbers.size() << '\n';
  optional<int> found = 3;
  variant<int, string> either = "text"s;
  if (auto *text = get_if<string>(&either)) cout << *text << ' ' << found.value_or(0) << '\n';
  priority_queue<int, vector<int>, greater<>> queue;
  for (int i : {5, 1, 3}) queue.push(i);
  cout << queue.top() << ' ' << fixed << setprecision(2) << sqrt(2.0) << '\n';
  vector<thread> threads;
  atomic<int> sum = 0;
  for (int i = 0; i < 4; i++) threads.emplace_back([&sum, i] { sum += i; });
  for (auto &thread : threads) thread.join();
  auto later = async(launch::async, [] { return 42; });
  cout << sum << ' ' << later.get() << ' ' << count_if(threads.begin(), threads.end(), [](auto &t) { return !t.joinable(); }) << '\n';
  cout << __cplusplus << ' ' << filesystem::current_path() << '\n';
}
