import type { KernelCase } from './suite.ts';

/** About 0.5 ms a call at 20 GMAC/s: long against the call, short against a scheduler's slice. */
const ITERATIONS = 100_000;

/** A wasm export that multiplies and adds without touching memory. */
export interface FmaProbe {
  fmaPeak(iterations: number): number;
}

/**
 * The ceiling of one binary on this machine as a case of a suite; other cases name it as `peak`.
 *
 * @param macsPerIteration multiply-adds the probe's loop does each time around
 */
export function peakCase(name: string, probe: FmaProbe, macsPerIteration: number): KernelCase {
  return {
    name,
    macs: ITERATIONS * macsPerIteration,
    run: () => {
      probe.fmaPeak(ITERATIONS);
    },
  };
}
