"""Values of the field, without behaviour of their own beyond reading and writing themselves.

job         what a person submits          resources   milli-CPU, bytes, devices
execution   one attempt on one node        node        what a node says of itself
evaluation  look at a job again            plan        what a scheduler wants done
event       why something changed          history     one entry a change
gotext      Bacalhau's way to print numbers, sizes, times
"""
