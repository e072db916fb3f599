template <unsigned long long a, unsigned long long b> struct T { static constexpr unsigned long long v = T<a - 1, b * 2>::v + T<a - 1, b * 2 + 1>::v; };
template <unsigned long long b> struct T<0, b> { static constexpr unsigned long long v = b; };
int main() { return T<40, 1>::v == 0; }
