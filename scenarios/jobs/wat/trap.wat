;; Breaks down: its first instruction is one that must never be reached.
(module $trap
  (func $main (export "_start")
    unreachable))
