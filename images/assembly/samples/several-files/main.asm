%include "lib/numbers.inc"
extern triple
extern printf

section .rodata
text: db "%d", 10, 0

section .text
global main
main:
  sub rsp, 8
  mov edi, SEVEN
  call triple
  mov esi, eax
  mov rdi, text
  xor eax, eax
  call printf
  xor eax, eax
  add rsp, 8
  ret
