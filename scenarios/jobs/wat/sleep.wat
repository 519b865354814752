;; Sleeps ten minutes six times, and says `tick` after each.
(module $sleep
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "tick\n")
  ;; A subscription at 128: the monotonic clock, 600 seconds from now. Its event goes to 256.
  (func $sleep_ten_minutes
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 600000000000))
    (drop (call $poll_oneoff (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 16))))
  (func $say_tick
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 5))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $main (export "_start") (local $left i32)
    (local.set $left (i32.const 6))
    (loop $again
      (call $sleep_ten_minutes)
      (call $say_tick)
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $proc_exit (i32.const 0))))
