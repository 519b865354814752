;; Counts the line ends of input/text.txt, and writes the number to outputs/count; exit code 1 if a file cannot be opened.
(module $count_lines
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "input/text.txt")
  (data (i32.const 96) "outputs/count")
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
  (func $main (export "_start") (local $file i32) (local $at i32) (local $lines i32)
    (local.set $file (call $open (i32.const 64) (i32.const 14) (i32.const 0) (i64.const 2)))
    (loop $more
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 32768))
      (drop (call $fd_read (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $at (i32.const 0))
      (if (i32.load (i32.const 8)) (then
        (loop $byte
          (local.set $lines (i32.add (local.get $lines)
            (i32.eq (i32.load8_u (i32.add (i32.const 1024) (local.get $at))) (i32.const 10))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $byte (i32.lt_u (local.get $at) (i32.load (i32.const 8)))))
        (br $more))))
    (call $write_number (call $open (i32.const 96) (i32.const 13) (i32.const 1) (i64.const 64)) (local.get $lines))
    (call $proc_exit (i32.const 0))))
