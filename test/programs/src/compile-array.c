char huge[1UL << 36] = { 1 };
int main(void) { return huge[12345]; }
