"""The trio shell around the core: it performs what the machines ask for, and decides nothing.

ports      what is needed of the outside world     output     what a program writes
logs       the logs of executions                  simulated  performs actions without any outside
shell      performs actions with real adapters     pace       ties virtual time to the clock on the wall
"""
