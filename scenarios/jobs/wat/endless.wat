;; Never ends, and never asks anybody for anything.
(module $endless
  (func $main (export "_start")
    (loop $again
      (br $again))))
