import { parentPort, workerData } from 'node:worker_threads';
import type { Probes } from '../peak.ts';
import { Barrier } from './barrier.ts';
import type { ProbeStart } from './ceilings.ts';

/* A thread that reads its part of a memory, or multiplies and adds, when it is told to. */

const { module, memory, barrier, lane } = workerData as ProbeStart;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
const { fmaPeak, readPeak } = exports as unknown as Probes;
readPeak(0, 2 ** 20);
fmaPeak(2 ** 10);
parentPort!.postMessage('ready', []);
new Barrier(barrier).serve(lane, (job, amount) => {
  if (job === 'read') readPeak(lane * amount, amount);
  else fmaPeak(amount);
});
