constexpr unsigned long long f(unsigned long long n) { return n < 2 ? n : f(n - 1) + f(n - 2); }
template <unsigned long long n> struct S { static constexpr unsigned long long v = f(24 + n % 2) + S<n - 1>::v; };
template <> struct S<0> { static constexpr unsigned long long v = 0; };
int main() { return S<800>::v == 1; }
