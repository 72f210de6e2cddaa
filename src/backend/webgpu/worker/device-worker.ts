import { DeviceHost } from './device-host.ts';
import type { Reply, Request } from '../protocol.ts';

/*
 * The worker that owns the device. onnxruntime-web spins for ever in the second run() on a lost
 * device; here that costs a thread that the main thread ends, not the page. No await at the top:
 * bundlers build workers as scripts.
 */

interface Port {
  postMessage(message: Reply, transfer: ArrayBuffer[]): void;
  listen(handle: (request: Request) => void): void;
}

/** The global scope of a web worker. */
const scope = globalThis as unknown as {
  postMessage?: Port['postMessage'];
  addEventListener(
    type: 'message',
    listener: (event: MessageEvent<Request | OtherPort>) => void,
  ): void;
};

/** Says that another worker asks, which owns the model: over a port, not by way of the page. */
interface OtherPort {
  readonly port: MessagePort;
}

if (typeof scope.postMessage === 'function') {
  serve({
    postMessage: (message, transfer) => scope.postMessage!(message, transfer),
    listen: (handle) =>
      scope.addEventListener('message', ({ data }) => {
        if ('port' in data) serveOther(data.port);
        else handle(data);
      }),
  });
} else {
  serveParent();
}

function serveOther(port: MessagePort): void {
  serve({
    postMessage: (message, transfer) => port.postMessage(message, transfer),
    listen: (handle) =>
      port.addEventListener('message', ({ data }: MessageEvent<Request>) => handle(data)),
  });
  port.start();
}

/** Answers the parent of a child process of Node's, and ends with it. */
function serveParent(): void {
  process.on('disconnect', () => process.exit());
  serve({
    postMessage: (message) => process.send!(message),
    listen: (handle) => process.on('message', (request) => handle(request as Request)),
  });
}

function serve(port: Port): void {
  const host = new DeviceHost((lost) => port.postMessage({ lost }, []));
  let queue: Promise<void> = Promise.resolve();
  /** One at a time: two runs at once hang the module. */
  const answerAfter = async (previous: Promise<void>, request: Request): Promise<void> => {
    await previous;
    const { reply, transfer } = await host.answer(request);
    port.postMessage(reply, transfer);
  };
  port.listen((request) => {
    queue = answerAfter(queue, request);
  });
}
