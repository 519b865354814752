// The stream of changes. The browser itself comes back after a break, and says where to go on.

const PATH = "/api/v1/devstack/events";
const AGAIN_MS = 3_000;

// Calls `onBatch` with each batch and `onLink` with a word for the connection: connecting, live, lost.
export function follow(onBatch, onLink) {
  const source = new EventSource(PATH);
  source.onopen = () => onLink("live");
  source.onmessage = (message) => onBatch(JSON.parse(message.data));
  source.onerror = () => {
    onLink("lost");
    // A refusal ends an EventSource for good.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(onBatch, onLink), AGAIN_MS);
  };
  onLink("connecting");
}
