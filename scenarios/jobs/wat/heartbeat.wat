;; Says `beat` once a minute, for ever: a program for services and daemons.
(module $heartbeat
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "beat\n")
  ;; A subscription at 128: the monotonic clock, 60 seconds from now. Its event goes to 256.
  (func $sleep_a_minute
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 60000000000))
    (drop (call $poll_oneoff (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 16))))
  (func $main (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 5))
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (call $sleep_a_minute)
      (br $again))))
