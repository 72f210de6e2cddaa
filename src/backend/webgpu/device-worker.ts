import { DeviceHost } from './device-host.ts';
import type { Reply, Request } from './protocol.ts';

/*
 * The worker that owns the device. onnxruntime-web spins for ever in the second run() on a lost
 * device; here that costs a thread that the main thread ends, not the page.
 */

interface Port {
  postMessage(message: Reply, transfer: ArrayBuffer[]): void;
  listen(handle: (request: Request) => void): void;
}

const port = await openPort();
const host = new DeviceHost((lost) => port.postMessage({ lost }, []));
let queue: Promise<void> = Promise.resolve();
port.listen((request) => {
  queue = answerAfter(queue, request);
});

/** One at a time: two runs at once hang the module. */
async function answerAfter(previous: Promise<void>, request: Request): Promise<void> {
  await previous;
  const { reply, transfer } = await host.answer(request);
  port.postMessage(reply, transfer);
}

/** The global scope of a web worker, or the channel of a child process of Node's. */
async function openPort(): Promise<Port> {
  const scope = globalThis as unknown as {
    postMessage?: Port['postMessage'];
    addEventListener(type: 'message', listener: (event: MessageEvent<Request>) => void): void;
  };
  if (typeof scope.postMessage === 'function') {
    return {
      postMessage: (message, transfer) => scope.postMessage!(message, transfer),
      listen: (handle) => scope.addEventListener('message', (event) => handle(event.data)),
    };
  }
  const { default: process } = await import('node:process');
  process.on('disconnect', () => process.exit());
  return {
    postMessage: (message) => process.send!(message),
    listen: (handle) => process.on('message', (request) => handle(request as Request)),
  };
}
