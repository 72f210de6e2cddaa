import Benchmark from 'benchmark';
import { median } from './median.ts';
import type { BenchCase, PeerCase } from './suite.ts';

/** How long to measure. */
export interface Schedule {
  readonly rounds: number;
  /** Seconds for one case in one round; a call that takes longer still runs once. */
  readonly seconds: number;
}

/** Seconds per call of one case. */
export interface Timing {
  readonly name: string;
  /** Best of each round, in order: entry `i` of two timings ran within the same few seconds. */
  readonly rounds: readonly number[];
  /** Of all samples. */
  readonly best: number;
  /** Of all samples. */
  readonly median: number;
}

/**
 * Times every case in every round, so that a slow spell of a shared machine hits all of them alike.
 *
 * @returns one timing for each case, in order
 * @throws whatever a case throws
 */
export async function interleave(
  cases: readonly BenchCase[],
  { rounds, seconds }: Schedule,
): Promise<Timing[]> {
  const runs = cases.map((bench) => ({ bench, rounds: [] as number[][] }));
  // One call outside the clock: engines optimise and peers allocate on the first one.
  for (const { bench } of runs) await bench.run();
  for (let round = 0; round < rounds; round++) {
    for (const run of runs) run.rounds.push(await sample(run.bench, seconds));
  }
  return runs.map(({ bench, rounds: samples }) => ({
    name: bench.name,
    rounds: samples.map((round) => Math.min(...round)),
    best: Math.min(...samples.flat()),
    median: median(samples.flat()),
  }));
}

/** How many times longer `a` takes than `b`: the median over rounds of best over best. */
export function timeRatio(a: Timing, b: Timing): number {
  return median(a.rounds.map((seconds, round) => seconds / (b.rounds[round] ?? Number.NaN)));
}

function sample(bench: BenchCase, seconds: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const options = { maxTime: seconds, minSamples: 1 };
    const benchmark =
      'isAsync' in bench
        ? new Benchmark({ ...options, defer: true, fn: deferred(bench, reject) })
        : new Benchmark({ ...options, fn: () => bench.run() });
    benchmark.on('complete', () => {
      if (benchmark.error) reject(benchmark.error);
      else resolve(benchmark.stats.sample);
    });
    benchmark.run();
  });
}

function deferred(bench: PeerCase, reject: (reason: unknown) => void) {
  return (call: Benchmark.Deferred): void => {
    bench.run().then(() => call.resolve(), reject);
  };
}
