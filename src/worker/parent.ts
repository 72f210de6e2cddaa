import { nodeBuiltin } from '../base/node.ts';

/** Whoever started this worker. */
export interface Parent {
  post(message: unknown, transfer?: readonly Transferable[]): void;
  /** Hands over all messages that nobody has taken, and those to come. */
  listen(handle: (message: unknown) => void): void;
  /** The next message alone. */
  next(): Promise<unknown>;
}

/** The global scope of a Web Worker. */
interface WebScope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
  addEventListener(
    type: 'unhandledrejection',
    listener: (event: PromiseRejectionEvent) => void,
  ): void;
}

/** To be called as the worker starts: what comes before anybody listens would be lost. */
export function connectParent(): Parent {
  const early: unknown[] = [];
  let handle: ((message: unknown) => void) | undefined;
  const receive = (message: unknown): void => {
    if (handle === undefined) early.push(message);
    else handle(message);
  };
  const post = open(receive);
  const listen: Parent['listen'] = (taker) => {
    handle = taker;
    for (const message of early.splice(0)) receive(message);
  };
  const next: Parent['next'] = () =>
    new Promise((resolve) => {
      listen((message) => {
        handle = undefined;
        resolve(message);
      });
    });
  return { post, listen, next };
}

/** @returns sends a message to the parent */
function open(receive: (message: unknown) => void): Parent['post'] {
  const port = nodeBuiltin('worker_threads')?.parentPort;
  if (port) {
    port.on('message', receive);
    return (message, transfer = []) => port.postMessage(message, transfer as readonly never[]);
  }
  const scope = globalThis as unknown as WebScope;
  scope.addEventListener('message', ({ data }) => receive(data));
  // Node ends a worker for it; a browser tells the parent of errors alone
  scope.addEventListener('unhandledrejection', (event) => {
    event.preventDefault();
    throw event.reason;
  });
  return (message, transfer = []) => scope.postMessage(message, [...transfer]);
}
