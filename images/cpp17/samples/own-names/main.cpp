#include <iostream>
using namespace std;

// Only what iostream declares may be visible: these are functions of other headers.
int gcd(int a, int b) { return b ? gcd(b, a % b) : a; }
int accumulate = 5;

int main() { cout << gcd(12, 18) << ' ' << accumulate << endl; }
