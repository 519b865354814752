;; Throws a die: its exit code is a random number from 0 to 5.
(module $dice
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $main (export "_start")
    (drop (call $random_get (i32.const 16) (i32.const 4)))
    (call $proc_exit (i32.rem_u (i32.load (i32.const 16)) (i32.const 6)))))
