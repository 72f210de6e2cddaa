import type { Reply, Request } from '../../src/backend/webgpu/protocol.ts';
import { AppendHost } from './append-host.ts';

/* The worker that owns the device of the comparison, in Deno and in browsers. */

const host = new AppendHost();
const post = globalThis.postMessage as (message: Reply) => void;
let queue: Promise<void> = Promise.resolve();
globalThis.addEventListener('message', (event: MessageEvent<Request>) => {
  queue = answerAfter(queue, event.data);
});

/** One at a time: two runs at once hang the module. */
async function answerAfter(previous: Promise<void>, request: Request): Promise<void> {
  await previous;
  post(await host.answer(request));
}
