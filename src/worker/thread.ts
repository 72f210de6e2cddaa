import { Control } from '../threads/control.ts';
import { READY, type ThreadStart } from '../threads/start-threads.ts';
import { serveThread as serve } from '../threads/thread.ts';
import { instantiateShared } from '../wasm/instantiate-shared.ts';
import type { Parent } from './parent.ts';

/** Computes what the pool that the first message names has to do, until the worker is ended. */
export function serveThread(parent: Parent): void {
  parent.listen((message) => {
    const { module, memory, control, lane } = message as ThreadStart;
    const kernels = instantiateShared({ module, memory });
    parent.post(READY);
    serve(kernels, new Control(control), lane);
  });
}
