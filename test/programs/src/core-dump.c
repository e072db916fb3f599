int main(void) {
  struct rlimit now;
  getrlimit(RLIMIT_CORE, &now);
  if (now.rlim_max) broken("core limit", "not zero"); else held("core limit", "0");
  abort();
}
