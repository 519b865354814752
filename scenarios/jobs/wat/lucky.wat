;; Ends with the number that the module `numbers` gives as its exit code.
(module $lucky
  (import "numbers" "seven" (func $seven (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (func $main (export "_start")
    (call $proc_exit (call $seven))))
