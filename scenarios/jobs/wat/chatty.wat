;; Writes a thousand lines: more than what is shown of an execution.
(module $chatty
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "and another thing\n")
  (func $main (export "_start") (local $left i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 18))
    (local.set $left (i32.const 1000))
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $proc_exit (i32.const 0))))
