import { attendQueries, checkQuery } from './attend-task.ts';
import {
  checkFactorize,
  cutFactors,
  factorize,
  type FactorWeights,
  weightRows,
} from './factorize.ts';
import { factorizeMacs, factorizeTables } from './gpu-work.ts';
import { FactorCache, Holding } from './factor-cache.ts';
import { PagedCache } from '../cache/pages.ts';
import type { DispatchInfo, GpuInfo } from '../backend/dispatch/info.ts';
import type { Compute } from '../compute/compute.ts';
import { mirrorOf } from './mirror.ts';
import type { Clock } from '../base/time.ts';
import type { Guard } from '../device/guard.ts';
import type { FactorizeTask, OpGpu } from '../backend/op-gpu.ts';
import { checkAgainst, medianTime } from '../device/judge.ts';

/** What operations cost on both sides. */
export interface OpFigures {
  /** Milliseconds of an operation that computes next to nothing. */
  readonly tripMs: number;
  /** Milliseconds a multiply-add beyond that, uploads included. */
  readonly gpuMsPerMac: number;
  /** Milliseconds a multiply-add on the CPU. */
  readonly cpuMsPerMac: number;
}

/** The GPU of a runtime, as `info()` tells of it. */
export interface OpGpuInfo extends Pick<GpuInfo, 'adapter' | 'isSoftware' | 'losses'> {
  /** Of onnxruntime-web. */
  readonly version: string;
  /**
   * Multiply-adds from which on an operation is worth the trip; null where none is. 0 where
   * everything goes to the GPU.
   */
  readonly thresholdMacs: number | null;
  /** What was measured of both sides; not with `backend: 'webgpu'`. */
  readonly figures?: OpFigures;
}

/** Who computes the asynchronous operations of a runtime, and why. */
export interface OpDispatchInfo extends Pick<DispatchInfo, 'backend' | 'backendReason'> {
  /** Only where there is or was one. */
  readonly gpu?: OpGpuInfo;
}

/**
 * Multiply-adds from which on the GPU is faster. A trip to it costs the same for every operation.
 *
 * @returns Infinity where the GPU is slower at each of them
 */
export function thresholdOf({ tripMs, gpuMsPerMac, cpuMsPerMac }: OpFigures): number {
  const gain = cpuMsPerMac - gpuMsPerMac;
  return gain > 0 ? tripMs / gain : Infinity;
}

/**
 * Float32 on both sides, in another order: 1e-4 of the largest number. A wrong layout or a missing
 * rotation is off by a third of it.
 */
const TOLERANCE = 1e-4;
const limitOf = (largest: number): number => TOLERANCE * largest;

/** Sizes of a case that costs a trip, and of one that costs work: 94 million multiply-adds. */
const TINY = { dim: 8, heads: 2, headDim: 4, rankQ: 2, rankK: 1, rankV: 1, tokens: 3 };
const LARGE = { dim: 512, heads: 8, headDim: 64, rankQ: 6, rankK: 2, rankV: 2, tokens: 256 };

/**
 * Compares a small factorisation, and attention over its factors, with those of the kernels.
 *
 * @throws TpaError `BACKEND_UNAVAILABLE` if the numbers are wrong, `GPU_LOST`, `GPU_OUT_OF_MEMORY`
 */
export async function checkOps(compute: Compute, guard: Guard<OpGpu>): Promise<void> {
  const task = taskOf(TINY);
  const { heads, rankK, rankV, headDim } = task.spec;
  const expected = factorize(compute, task);
  const tables = factorizeTables(compute, task);
  const rows = await guard.call('check', (gpu) => gpu.factorize(task, tables));
  const found = cutFactors(rows, task, rows.length / task.count);
  for (const name of ['aq', 'bq', 'ak', 'bk', 'av', 'bv'] as const) {
    checkAgainst(expected[name], found[name], limitOf, 'factors');
  }

  const pages = new PagedCache(compute, { heads, headDim, valueDim: headDim, rankK, rankV });
  const holding = new Holding(compute, pages, new Set());
  const cache = new FactorCache(holding);
  try {
    cache.append(expected);
    const query = checkQuery(expected, pages);
    const mirror = mirrorOf(holding);
    try {
      const out = await guard.call('check', (gpu) => gpu.attend(query, mirror));
      checkAgainst(attendQueries(compute, query, pages), out, limitOf, 'attention');
      await guard.call('check', async (gpu) => gpu.forget(holding));
    } finally {
      mirror.pages.dispose();
    }
  } finally {
    cache.dispose();
  }
}

/** @throws TpaError `GPU_LOST`, `GPU_OUT_OF_MEMORY`, `OUT_OF_MEMORY` */
export async function measureOps(
  compute: Compute,
  guard: Guard<OpGpu>,
  clock: Clock,
): Promise<OpFigures> {
  const timed = (work: () => Promise<unknown>) =>
    medianTime(clock, async () => {
      const started = clock.now();
      await work();
      return clock.now() - started;
    });
  const onGpu = (task: FactorizeTask) => {
    const tables = factorizeTables(compute, task);
    return timed(() => guard.call('measure', (gpu) => gpu.factorize(task, tables)));
  };
  const large = taskOf(LARGE);
  const macs = factorizeMacs(large);
  const tripMs = await onGpu(taskOf(TINY));
  const gpuMs = await onGpu(large);
  const cpuMs = await timed(async () => factorize(compute, large));
  return { tripMs, gpuMsPerMac: Math.max(0, gpuMs - tripMs) / macs, cpuMsPerMac: cpuMs / macs };
}

function taskOf({ tokens, ...spec }: typeof LARGE): FactorizeTask {
  let seed = 0;
  const numbers = (count: number) =>
    Float32Array.from({ length: count }, () => Math.sin(++seed * 12.9898) / Math.sqrt(spec.dim));
  const pieces = weightRows(spec).map(([name, rows]) => [name, numbers(rows * spec.dim)]);
  const weights: FactorWeights = Object.fromEntries(pieces);
  return checkFactorize(numbers(tokens * spec.dim), weights, spec, 1);
}
