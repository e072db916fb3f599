#define UNRELATED 1
#include <bits/stdc++.h>
#include <iostream>

// The macro before the first include makes the compiler pass over the precompiled header.
int main() {
  std::map<std::string, int> counts;
  for (std::string word; std::cin >> word;) counts[word]++;
  for (auto &[word, count] : counts) std::cout << word << ' ' << count + UNRELATED - 1 << '\n';
}
