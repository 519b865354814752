// What the page asks of the stack; every refusal is said in its own words.

export async function ask(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`/api/v1${path}`, options);
  } catch {
    throw new Error("the stack does not answer");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message || answer.error || answer.Error || `refused: ${response.status}`);
  return answer;
}

export const injectFault = (fault) => ask("POST", "/devstack/faults", fault);
export const clearFault = (number) => ask("DELETE", `/devstack/faults/${number}`);
export const setSpeed = (speed) => ask("PUT", "/devstack/clock", { Speed: speed });
export const submitJob = (job) => ask("PUT", "/orchestrator/jobs", { Job: job });
export const stopJob = (id) => ask("DELETE", `/orchestrator/jobs/${encodeURIComponent(id)}`, { reason: "dashboard" });

export function explain(jobId, query) {
  return ask("GET", `/devstack/explain/${encodeURIComponent(jobId)}?${new URLSearchParams(query)}`);
}
