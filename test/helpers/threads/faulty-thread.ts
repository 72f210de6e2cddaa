import { workerData } from 'node:worker_threads';
import { Control } from '../../../src/threads/control.ts';
import { READY, type ThreadStart } from '../../../src/threads/start-threads.ts';
import { serveThread } from '../../../src/threads/thread.ts';
import { connectParent } from '../../../src/worker/parent.ts';
import { instantiateShared } from '../../../src/wasm/instantiate-shared.ts';
import type { Kernels } from '../../../src/wasm/kernels.ts';
import type { Fault } from './faulty-threads.ts';

/*
 * The worker of a thread that fails at one of its calls. It tells how many it has made, and waits
 * before it begins where it is to be late.
 */

const { kind, at, calls } = workerData as Fault & { readonly calls: SharedArrayBuffer };
const made = new Int32Array(calls);

const parent = connectParent();
parent.listen((message) => {
  const { module, memory, control, lane } = message as ThreadStart;
  const kernels = instantiateShared({ module, memory });
  if (kind === 'mute') return;
  parent.post(READY);
  serveThread(failing(kernels, lane), new Control(control), lane);
});

function failing(kernels: Kernels, lane: number): Kernels {
  const fail: Record<Exclude<Fault['kind'], 'mute'>, () => void> = {
    exit: () => process.exit(1),
    hang: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    throw: () => {
      throw new Error('by plan');
    },
  };
  let call = 0;
  return new Proxy(kernels, {
    get(target, name: string & keyof Kernels) {
      Atomics.store(made, lane, call + 1);
      if (call++ === at && kind !== 'mute') fail[kind]();
      return target[name];
    },
  });
}
