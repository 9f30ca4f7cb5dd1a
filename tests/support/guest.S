# A guest for tests, in the form of a Linux kernel (Documentation/arch/x86/boot.rst) that never leaves
# real mode: qemu's own BIOS starts it within a moment, also in software emulation.
#
#   as --32 guest.S -o guest.o && ld -m elf_i386 --oformat binary -Ttext 0 guest.o -o guest
#
# The first letter of its command line says what it does on the first serial port:
#   r  prints "hello" and "mosb: ready"           n  prints "hello" only
#   s  prints nothing                             o  prints "hello" and powers off
#   d  as r, but does not heed the power button   f  prints lines without end
# Then it gives each byte that comes back in angle brackets, and powers off when ACPI's power button
# is pressed.
  .code16
  .text
  .globl _start
_start:
  .org 0x1f1
  .byte 1                      # one sector of set-up code after this one
  .org 0x1f4
  .long 32                     # what is loaded high, in units of 16 bytes
  .org 0x1fe
  .word 0xaa55
  .org 0x200
  jmp begin
  .ascii "HdrS"
  .word 0x0203
  .org 0x211
  .byte 1                      # loaded high
  .org 0x214
  .long 0x100000
  .org 0x228
command_line:
  .long 0
  .long 0x37ffffff

begin:
  cli
  cld
  movl command_line, %eax
  shrl $4, %eax
  movw %ax, %es
  movb %es:0, %bl              # the first letter
  movw $0x3fb, %dx             # 115200 8N1
  movb $0x80, %al
  outb %al, %dx
  movw $0x3f8, %dx
  movb $1, %al
  outb %al, %dx
  movw $0x3f9, %dx
  movb $0, %al
  outb %al, %dx
  movw $0x3fb, %dx
  movb $3, %al
  outb %al, %dx
  movw $0x3f9, %dx
  movb $0, %al
  outb %al, %dx

  movw $0x602, %dx             # PM1 enable: without it the power button is not heard
  movw $0x100, %ax
  outw %ax, %dx

  cmpb $'s', %bl
  je serve
greet:
  movw $hello, %si
  call print
  cmpb $'f', %bl
  je greet
  cmpb $'o', %bl
  je power_off
  cmpb $'n', %bl
  je serve
  movw $ready, %si
  call print

serve:
  movw $0x3fd, %dx
  inb %dx, %al
  testb $1, %al
  jz 1f
  movw $0x3f8, %dx
  inb %dx, %al
  movb %al, %cl
  movb $'<', %al
  call put
  movb %cl, %al
  call put
  movb $'>', %al
  call put
1:
  cmpb $'d', %bl
  je serve
  movw $0x600, %dx             # PM1 status, where SeaBIOS puts it on q35
  inw %dx, %ax
  testw $0x100, %ax
  jz serve
power_off:
  movw $0x604, %dx             # PM1 control: sleep, type 0 is S5
  movw $0x2000, %ax
  outw %ax, %dx
1:
  hlt
  jmp 1b

print:
  lodsb
  testb %al, %al
  jz 1f
  call put
  jmp print
1:
  ret

put:
  movb %al, %ah
  movw $0x3fd, %dx
1:
  inb %dx, %al
  testb $0x20, %al
  jz 1b
  movb %ah, %al
  movw $0x3f8, %dx
  outb %al, %dx
  ret

hello:
  .asciz "hello\r\n"
ready:
  .asciz "mosb: ready\r\n"
  .org 0x600
