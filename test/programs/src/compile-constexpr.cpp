constexpr unsigned f(unsigned n) {
  unsigned a = n;
  for (unsigned i = 0; i < 250000; i++) a = a * 31 + i;
  return a;
}
template <unsigned n> struct S { static constexpr unsigned v = f(n) + S<n - 1>::v; };
template <> struct S<0> { static constexpr unsigned v = 0; };
int main() { return S<800>::v == 1; }
