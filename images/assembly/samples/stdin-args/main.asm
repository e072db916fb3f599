; The sum of the numbers on standard input, then each argument in brackets.
default rel
extern scanf, printf

section .rodata
number: db "%ld", 0
sum: db "%ld", 10, 0
argument: db "[%s]", 10, 0

section .bss
value: resq 1

section .text
global main
main:
  push rbx
  push r12
  push r13
  mov r12, rsi
  add r12, 8
  xor ebx, ebx
.next:
  lea rdi, [number]
  lea rsi, [value]
  xor eax, eax
  call scanf
  cmp eax, 1
  jne .told
  add rbx, [value]
  jmp .next
.told:
  lea rdi, [sum]
  mov rsi, rbx
  xor eax, eax
  call printf
.arguments:
  mov rsi, [r12]
  test rsi, rsi
  jz .done
  lea rdi, [argument]
  xor eax, eax
  call printf
  add r12, 8
  jmp .arguments
.done:
  xor eax, eax
  pop r13
  pop r12
  pop rbx
  ret
