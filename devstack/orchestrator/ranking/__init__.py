"""How well each node suits a job: one function per rule, over columns of all nodes at once.

column     what a rule answers               wanted      what a job asks of a node
nodes      the nodes, as columns             chain       the rules in order, and how they add up
features   engine, publisher, sources        labels      constraints
max_usage  the largest job of a node         version     the oldest version that may work
over_subscription  what a node has already taken on
capacity   free room                         previous    what this job has already tried
randomness  a small draw between equals            policy      other weights, and rules of one's own

Source: orchestrator reference 7.
"""
