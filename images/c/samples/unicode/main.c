#include <locale.h>
#include <stdio.h>
#include <wchar.h>

int main(void) {
  setlocale(LC_ALL, "");
  printf("%ls %zu\n", L"Grüße, 世界, 🐎", wcslen(L"世界"));
}
