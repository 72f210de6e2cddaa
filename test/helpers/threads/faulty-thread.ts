import { workerData } from 'node:worker_threads';
import { Control } from '../../../src/threads/control.ts';
import { READY, type ThreadStart } from '../../../src/threads/start-threads.ts';
import { serveThread } from '../../../src/threads/thread.ts';
import { connectParent } from '../../../src/worker/parent.ts';
import { instantiateShared } from '../../../src/wasm/instantiate-shared.ts';
import type { Kernels } from '../../../src/wasm/kernels.ts';
import { CALLS, DEATHS, DOOMED, type FaultyThreadData, LANE_CALLS } from './fault.ts';

/* The worker of a thread that fails at some of the calls of kernels, and counts them. */

const { kind, isFatal, isOwn, words } = workerData as FaultyThreadData;
const counts = new Int32Array(words);
const parent = connectParent();
parent.listen((message) => {
  const { module, memory, control, lane } = message as ThreadStart;
  const kernels = instantiateShared({ module, memory });
  if (kind === 'mute') return;
  parent.post(READY);
  serveThread(failing(kernels, lane), new Control(control), lane);
});

function failing(kernels: Kernels, lane: number): Kernels {
  const fail = {
    none: () => {},
    mute: () => {},
    exit: () => process.exit(1),
    hang,
    terminate: () => {
      Atomics.store(counts, DOOMED, lane);
      hang();
    },
    throw: () => {
      throw new Error('by plan');
    },
  };
  return new Proxy(kernels, {
    get(target, name: string & keyof Kernels) {
      const own = Atomics.add(counts, LANE_CALLS + lane, 1);
      const call = Atomics.add(counts, CALLS, 1);
      Atomics.notify(counts, CALLS);
      if (isFatal[isOwn ? own : call] === 1) {
        Atomics.add(counts, DEATHS, 1);
        fail[kind]();
      }
      return target[name];
    },
  });
}

function hang(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
