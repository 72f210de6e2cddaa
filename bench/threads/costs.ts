import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { COUNT } from '../../src/threads/operations.ts';
import { Program } from '../../src/threads/program.ts';
import { formatSeconds, renderTable } from '../markdown.ts';
import { median } from '../median.ts';
import { openThreaded } from './engine.ts';

/** Operations of a program, and how often it runs. */
const [OPERATIONS, RUNS] = [1000, 200];
/** Times that workers are started, those of either kind in turns. */
const STARTS = 7;
const WAITING = 4;
const WAIT_SECONDS = 5;

/** What threads cost beside what they compute. */
export async function renderCosts(): Promise<string> {
  const [own, empty] = await startSeconds();
  return [
    '## threads',
    '',
    ...renderTable([
      ['what', 'best', 'median'],
      [`an operation of two threads, its barrier included`, ...told(await operationSeconds())],
      [`start of ${WAITING} threads and their engine`, ...told(own)],
      [`start of ${WAITING} empty workers`, ...told(empty)],
    ]),
    '',
    `${WAITING} threads that wait for ${WAIT_SECONDS} s take ${(100 * (await idleShare())).toFixed(3)} % of a core. The operation is a`,
    `norm of two rows of four numbers; of ${OPERATIONS.toLocaleString('en-US')} such in a program, ${RUNS} times.`,
  ].join('\n');
}

function told(seconds: readonly number[]): string[] {
  return [Math.min(...seconds), median(seconds)].map(formatSeconds);
}

async function operationSeconds(): Promise<number[]> {
  const { engine, pool } = await openThreaded(2);
  const at = engine.heap.allocate(64);
  const program = new Program();
  const row = { at, perFirst: 16 };
  for (let i = 0; i < OPERATIONS; i++) {
    // dear enough that each row is a range of its own
    program.add('rmsNorm', 2, 1 << 22, [row, row, 0, COUNT, 4, 4, 4, 1]);
  }
  const seconds: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    for (const _ of pool.run(engine.kernels, program));
    seconds.push((performance.now() - start) / 1000 / OPERATIONS);
  }
  pool.dispose();
  return seconds;
}

async function startSeconds(): Promise<[own: number[], empty: number[]]> {
  const [own, empty]: [number[], number[]] = [[], []];
  for (let i = 0; i < STARTS; i++) {
    const start = performance.now();
    const { pool } = await openThreaded(WAITING + 1);
    own.push((performance.now() - start) / 1000);
    pool.dispose();
    empty.push(await emptySeconds());
  }
  return [own, empty];
}

async function emptySeconds(): Promise<number> {
  const start = performance.now();
  const source = 'require("node:worker_threads").parentPort.postMessage(0)';
  const workers = Array.from({ length: WAITING }, () => new Worker(source, { eval: true }));
  await Promise.all(workers.map((worker) => new Promise((on) => worker.once('message', on))));
  const seconds = (performance.now() - start) / 1000;
  await Promise.all(workers.map((worker) => worker.terminate()));
  return seconds;
}

/** Of a core. */
async function idleShare(): Promise<number> {
  const { pool } = await openThreaded(WAITING + 1);
  await sleep(500); // what starting leaves to collect
  const [start, before] = [performance.now(), process.cpuUsage()];
  await sleep(WAIT_SECONDS * 1000);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - start);
  pool.dispose();
  return share;
}
