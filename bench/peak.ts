import { readFile } from 'node:fs/promises';
import { shareBinary } from '../src/wasm/shared-binary.ts';
import type { KernelCase } from './suite.ts';

/** Iterations of a call: about 0.5 ms at 20 GMAC/s, long against the call, short against a scheduler's slice. */
const ITERATIONS = 100_000;

/** Multiply-adds of one iteration of `fmaPeak`: 24 vectors of 4. */
export const MACS_PER_ITERATION = 96;

/** The exports of assembly/probes, which the package does not ship: what a machine can do at most, and parts of kernels. */
export interface Probes {
  /** Multiplies and adds without touching memory. */
  fmaPeak(iterations: number): number;
  /** Reads `bytes` from address `x` on, a multiple of 128, and adds. */
  readPeak(x: number, bytes: number): number;
  /** assembly/product/code-operand.ts */
  quantizeOperand(out: number, x: number, count: number, largest: number): number;
  /** assembly/product/code-product.ts */
  codeProduct(
    out: number,
    ldo: number,
    spare: number,
    a: number,
    lda: number,
    b: number,
    ldb: number,
    rows: number,
    columns: number,
    pairs: number,
    factors: number,
    scales: number,
    size: number,
  ): void;
}

/** The probes compiled as the kernels of that name are, over a memory. */
export async function openProbes(
  simd: 'baseline' | 'relaxed',
  memory: WebAssembly.Memory,
): Promise<Probes> {
  const path = new URL(`../dist/wasm/probes-${simd}.wasm`, import.meta.url);
  const binary = await readFile(path);
  const isShared = memory.buffer instanceof SharedArrayBuffer;
  const bytes = isShared ? shareBinary(binary)! : binary;
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  return instance.exports as unknown as Probes;
}

/** The ceiling of one binary on this machine as a case of a suite; other cases name it as `peak`. */
export function peakCase(name: string, probes: Pick<Probes, 'fmaPeak'>): KernelCase {
  return {
    name,
    macs: ITERATIONS * MACS_PER_ITERATION,
    run: () => {
      probes.fmaPeak(ITERATIONS);
    },
  };
}
