/* The worker that has a model, as tests start it. */
import { parentPort, type Transferable } from 'node:worker_threads';
import { serveModel } from '../../../src/load/remote/worker/serve-model.ts';

serveModel({
  post: (message, transfer = []) =>
    parentPort!.postMessage(message, transfer as readonly Transferable[]),
  listen: (handle) => void parentPort!.on('message', handle),
});
