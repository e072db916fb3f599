#define A(x) x x x x x x x x x x
#define B(x) A(A(A(A(x))))
B(undefined_name_that_is_long_enough_to_fill_the_output_quickly(1, 2, 3); )
#define C(x) B(x) B(x) B(x)
int main() { C(another_undefined_thing + ;) }
