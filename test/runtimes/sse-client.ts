/** Longest wait for an answer. */
const PATIENCE_MS = 120_000;

/** What the examples send. */
export interface TextEvent {
  readonly text?: string;
  readonly finishReason?: string;
  readonly error?: string;
}

export function post(address: string, body: string, signal?: AbortSignal): Promise<Response> {
  const signals = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  return fetch(address, { method: 'POST', body, signal: AbortSignal.any(signals) });
}

/** Whether a server is there, and well. */
export async function answers(address: string | URL): Promise<boolean> {
  return fetch(address, { signal: AbortSignal.timeout(5_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** A whole answer, and in how many pieces it came. */
export async function ask(
  address: string,
  body: object,
): Promise<{ events: TextEvent[]; chunks: number }> {
  const response = await post(address, JSON.stringify(body));
  if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
  let stream = '';
  let chunks = 0;
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    stream += chunk;
    chunks += 1;
  }
  const lines = stream.split('\n\n').slice(0, -1);
  return { events: lines.map((line) => JSON.parse(line.slice(6)) as TextEvent), chunks };
}

/** Leaves after the first piece of an answer, or after `milliseconds`, whatever came. */
export async function abandon(address: string, body: object, milliseconds?: number): Promise<void> {
  const left = new AbortController();
  const answer = post(address, JSON.stringify(body), left.signal);
  if (milliseconds === undefined) await (await answer).body!.getReader().read();
  else await new Promise((resolve) => setTimeout(resolve, milliseconds));
  left.abort();
  await answer.catch(() => {});
}
