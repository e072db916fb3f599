; C's library, its mathematics included, with a double on the way.
default rel
extern printf, sqrt, qsort

section .rodata
two: dq 2.0
root: db "%.6f", 10, 0
item: db "%d", 10, 0

section .data
items: dd 30, 10, 20

section .text
compare:
  mov eax, [rdi]
  sub eax, [rsi]
  ret

global main
main:
  push rbx
  movsd xmm0, [two]
  call sqrt
  lea rdi, [root]
  mov eax, 1
  call printf
  lea rdi, [items]
  mov esi, 3
  mov edx, 4
  lea rcx, [compare]
  call qsort
  xor ebx, ebx
.next:
  lea rdi, [item]
  lea rax, [items]
  mov esi, [rax + rbx * 4]
  xor eax, eax
  call printf
  inc ebx
  cmp ebx, 3
  jb .next
  xor eax, eax
  pop rbx
  ret
