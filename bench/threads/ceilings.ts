import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { chooseSimd } from '../../src/wasm/binary.ts';
import { shareBinary } from '../../src/wasm/shared-binary.ts';
import { MACS_PER_ITERATION } from '../peak.ts';
import { Barrier, type Job } from './barrier.ts';

/** Read together in each round: more than the caches of a processor hold. */
const BYTES = 768 * 2 ** 20;
/** Of `fmaPeak`, by each thread: 20 ms. */
const ITERATIONS = 5_000_000;
/** A ceiling is the best round. */
const ROUNDS = 7;

/** What a machine does at most with so many threads at a time. */
export interface Ceiling {
  readonly threads: number;
  readonly bytesPerSecond: number;
  readonly macsPerSecond: number;
}

/** What a thread of the probes begins with. */
export interface ProbeStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly barrier: SharedArrayBuffer;
  readonly lane: number;
}

/**
 * Measures what the threads of this machine share: how fast they read memory that no cache holds, in
 * equal parts, and how many multiply-adds they do. All numbers of threads in turns, round by round.
 */
export async function measureCeilings(counts: readonly number[]): Promise<Ceiling[]> {
  const { simd } = await chooseSimd('auto');
  const path = new URL(`../../dist/wasm/probes-${simd}.wasm`, import.meta.url);
  const module = await WebAssembly.compile(shareBinary(await readFile(path))!);
  const pages = BYTES / 2 ** 16;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 2 ** 15, shared: true });
  // memory that nobody has written to is one page of zeros
  new Float32Array(memory.buffer).fill(1);
  const barrier = new Barrier();
  const source = bundleThread();
  const workers = Array.from({ length: Math.max(...counts) }, (_, lane) => {
    const workerData: ProbeStart = { module, memory, barrier: barrier.buffer, lane };
    return new Worker(source, { eval: true, execArgv: [], workerData });
  });
  try {
    await Promise.all(workers.map((worker) => new Promise((on) => worker.once('message', on))));
    const fastest = counts.map((threads) => ({ threads, read: Infinity, fma: Infinity }));
    const secondsOf = (job: Job, threads: number, amount: number) => {
      const start = performance.now();
      barrier.run(job, threads, workers.length, amount);
      return (performance.now() - start) / 1000;
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (const best of fastest) {
        const { threads } = best;
        const share = Math.floor(BYTES / threads / 128) * 128;
        best.read = Math.min(best.read, secondsOf('read', threads, share));
        best.fma = Math.min(best.fma, secondsOf('fma', threads, ITERATIONS));
      }
    }
    return fastest.map(({ threads, read, fma }) => ({
      threads,
      bytesPerSecond: BYTES / read,
      macsPerSecond: (threads * ITERATIONS * MACS_PER_ITERATION) / fma,
    }));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Node 20 hands no loader of TypeScript on to its workers. */
function bundleThread(): string {
  const entry = fileURLToPath(new URL('probe-thread.ts', import.meta.url));
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    write: false,
  });
  return outputFiles[0]!.text;
}

/** As a list item, with what more threads do over what the first number does. */
export function renderCeilings(ceilings: readonly Ceiling[]): string {
  const [first] = ceilings;
  const parts = ceilings.map((ceiling) => {
    const { threads, bytesPerSecond, macsPerSecond } = ceiling;
    const times = (rate: number, base: number) =>
      ceiling === first ? '' : ` (${(rate / base).toFixed(2)}×)`;
    const read = `${(bytesPerSecond / 1e9).toFixed(1)} GB/s${times(bytesPerSecond, first!.bytesPerSecond)}`;
    const fma = `${(macsPerSecond / 1e9).toFixed(1)} GMAC/s${times(macsPerSecond, first!.macsPerSecond)}`;
    return `${threads}: ${read} and ${fma}`;
  });
  return `- Reads memory, and multiplies and adds, at most with threads ${parts.join('; ')}`;
}
