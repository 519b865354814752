// Jobs to try a cluster with. All but the last need no engine but the simulated one.

function job(name, type, count, params, resources = {}) {
  const task = { Name: "main", Engine: { Type: "noop", Params: params }, Resources: resources };
  return { Name: name, Type: type, Count: count, Tasks: [task] };
}

export const EXAMPLES = [
  ["one task of 10 s", job("short", "batch", 1, { RunsFor: "10s" })],
  ["ten tasks of a minute", job("ten", "batch", 10, { RunsFor: "1m" }, { CPU: "500m", Memory: "256mb" })],
  ["a task on every node", job("everywhere", "ops", 1, { RunsFor: "20s" })],
  ["a service of three", job("service", "service", 3, { RunsFor: "24h" }, { CPU: "250m" })],
  ["a task that fails", job("fails", "batch", 1, { RunsFor: "3s", Fails: "out of luck" })],
  ["a task that fits nowhere", job("too-large", "batch", 1, { RunsFor: "10s" }, { CPU: "1000" })],
  [
    "a container",
    {
      Name: "container",
      Type: "batch",
      Count: 1,
      Tasks: [
        {
          Name: "main",
          Engine: { Type: "docker", Params: { Image: "busybox:latest", Parameters: ["sh", "-c", "sleep 5; echo done"] } },
        },
      ],
    },
  ],
];
