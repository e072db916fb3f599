section .text
global _start
_start:
  xor rax, rax
  mov qword [rax], 1
