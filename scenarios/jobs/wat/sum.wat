;; Adds the numbers in parts/1, parts/2 and parts/3, and prints the sum; exit code 1 if a file cannot be opened.
(module $sum
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "parts/1")
  ;; Opens a path below the root, which is file descriptor 3; the new descriptor is left at 16.
  (func $open (param $path i32) (param $length i32) (param $flags i32) (param $rights i64) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $path) (local.get $length)
          (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16))
      (then (call $proc_exit (i32.const 1))))
    (i32.load (i32.const 16)))
  ;; Writes the number in digits, and a line end.
  (func $write_number (param $file i32) (param $number i32) (local $at i32)
    (local.set $at (i32.const 159))
    (i32.store8 (local.get $at) (i32.const 10))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (br_if $digit (local.tee $number (i32.div_u (local.get $number) (i32.const 10)))))
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (i32.sub (i32.const 160) (local.get $at)))
    (drop (call $fd_write (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $main (export "_start") (local $part i32) (local $at i32) (local $number i32) (local $sum i32)
    (loop $next
      (i32.store8 (i32.const 70) (i32.add (i32.const 49) (local.get $part)))
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 64))
      (drop (call $fd_read (call $open (i32.const 64) (i32.const 7) (i32.const 0) (i64.const 2))
        (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $at (i32.const 1024))
      (local.set $number (i32.const 0))
      (block $end
        (loop $digit
          (br_if $end (i32.lt_u (i32.load8_u (local.get $at)) (i32.const 48)))
          (local.set $number (i32.add (i32.mul (local.get $number) (i32.const 10))
            (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $digit)))
      (local.set $sum (i32.add (local.get $sum) (local.get $number)))
      (local.set $part (i32.add (local.get $part) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $part) (i32.const 3))))
    (call $write_number (i32.const 1) (local.get $sum))
    (call $proc_exit (i32.const 0))))
