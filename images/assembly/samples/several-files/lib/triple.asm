section .text
global triple
triple:
  lea eax, [rdi + rdi * 2]
  ret
