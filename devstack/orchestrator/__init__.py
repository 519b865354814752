"""The requester: takes jobs, decides which nodes run them, follows each execution to its end.

requester   the state machine that joins the rest     store        jobs, executions, history
endpoint    submit, stop, find                        nodes        membership, heartbeats, resources
broker      orders evaluations                        scheduler/   makes a plan of an evaluation
selection   which nodes, and why not the others       ranking/     one rule a function
planner     applies plans, says whom to call          retry        whether to try again
housekeeping  looks for what took too long            queries      what clients may list
"""
