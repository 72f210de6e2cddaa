import type { SimdChoice } from '../../src/wasm/binary.ts';
import { createEngine, type Engine } from '../../src/wasm/engine.ts';
import { peakCase } from '../peak.ts';
import type { KernelCase } from '../suite.ts';

/** Multiply-adds of one iteration of `fmaPeak`: 24 vectors of 4. */
export const FMA_PEAK_MACS = 96;

/** A binary with its probe; cases name `peak.name` as their ceiling. */
export interface BenchEngine {
  readonly name: SimdChoice['simd'];
  readonly engine: Engine;
  readonly peak: KernelCase;
}

/** The binaries this engine runs, the one that `simd: 'auto'` takes first. */
export async function openEngines(): Promise<BenchEngine[]> {
  const auto = await createEngine();
  const engines = [auto];
  if (auto.simd.simd === 'relaxed') engines.push(await createEngine({ simd: 'baseline' }));
  return engines.map((engine) => {
    const name = engine.simd.simd;
    return { name, engine, peak: peakCase(`fmaPeak, ${name}`, engine.kernels, FMA_PEAK_MACS) };
  });
}
