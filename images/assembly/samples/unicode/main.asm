section .data
text: db "Grüße, 世界 ✓", 10
length: equ $ - text

section .text
global _start
_start:
  mov rax, 1
  mov rdi, 1
  lea rsi, [rel text]
  mov rdx, length
  syscall
  mov rax, 60
  xor rdi, rdi
  syscall
