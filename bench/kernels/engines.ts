import type { SimdChoice } from '../../src/wasm/binary.ts';
import { createEngine, type Engine } from '../../src/wasm/engine.ts';
import { openProbes, peakCase, type Probes } from '../peak.ts';
import type { KernelCase } from '../suite.ts';

/** A binary with its probes, over one memory; cases name `peak.name` as their ceiling. */
export interface BenchEngine {
  readonly name: SimdChoice['simd'];
  readonly engine: Engine;
  readonly probes: Probes;
  readonly peak: KernelCase;
}

/** The binaries this engine runs, the one that `simd: 'auto'` takes first. */
export async function openEngines(): Promise<BenchEngine[]> {
  const auto = await createEngine();
  const engines = [auto];
  if (auto.simd.simd === 'relaxed') engines.push(await createEngine({ simd: 'baseline' }));
  return Promise.all(
    engines.map(async (engine) => {
      const name = engine.simd.simd;
      const probes = await probesOf(engine);
      return { name, engine, probes, peak: peakCase(`fmaPeak, ${name}`, probes) };
    }),
  );
}

/** The probes that go with an engine, over its memory. */
export function probesOf({ simd, kernels }: Engine): Promise<Probes> {
  const { memory } = kernels as typeof kernels & { readonly memory: WebAssembly.Memory };
  return openProbes(simd.simd, memory);
}
