import { Compute } from '../../src/compute/compute.ts';
import { attend, attendScratch } from '../../src/compute/attend.ts';
import { PANEL } from '../../src/layout/packed-weight.ts';
import type { QueryRows } from '../../src/layout/records.ts';
import { storedNumbers } from '../../src/attention/spec.ts';
import { PagedCache } from '../../src/cache/pages.ts';
import type { Threads } from '../../src/threads/threads.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { randomValues } from '../random.ts';
import type { Factors } from '../peers/tpa-graph.ts';
import type { Mechanism } from './mechanisms.ts';

/** Tokens written at once, again and again: as many as a page holds. */
export const BLOCK = 96;

/** Attention of one new token in one layer, over a cache that can be made longer. */
export interface DecodeStep {
  /** Bytes of the cache, page padding included. */
  readonly cacheBytes: number;
  /** Appends until the cache holds `tokens` tokens. */
  grow(tokens: number): void;
  /** Attends with one query to the whole cache. */
  run(): void;
  /** What the last call computed: (heads, width of a head's value). */
  output(): Float32Array;
  /** Gives the memory back to the engine. */
  dispose(): void;
}

/** A step that attends with what lies at `queryAt`. */
export interface CachedStep extends DecodeStep {
  readonly compute: Compute;
  /** (heads, headDim) of a full query, or aq, and a panel that products may overwrite. */
  readonly queryAt: number;
  /** (heads, valueDim) */
  readonly outAt: number;
}

/**
 * What a step computes with; of a token, A is (heads, rank) and B (rank, width). `aq` is the full
 * query (heads, headDim) where the query has no factors.
 */
export type StepInputs = Factors;

/** Random numbers for a block of tokens and one query; the same for every engine. */
export function randomInputs(mechanism: Mechanism, heads: number): StepInputs {
  const { rankQ } = mechanism;
  const { headDim, rankK, rankV, ...spec } = mechanism.spec(heads);
  const { headRows, keyRows, valueRows } = storedNumbers({ ...spec, headDim, rankK, rankV });
  return {
    aq: randomValues(heads * (rankQ || headDim), 7),
    bq: randomValues(rankQ * headDim, 8),
    ak: randomValues(BLOCK * rankK * headRows, 1),
    bk: randomValues(BLOCK * rankK * keyRows, 2),
    av: randomValues(BLOCK * rankV * headRows, 3),
    bv: randomValues(BLOCK * rankV * valueRows, 4),
  };
}

/** Places the inputs in the engine's memory, with an empty cache. */
export function openStep(
  engine: Engine,
  mechanism: Mechanism,
  heads: number,
  inputs: StepInputs,
  threads?: Threads,
): CachedStep {
  const { rankQ } = mechanism;
  const { heap } = engine;
  const compute = new Compute(engine, { threads });
  const cache = new PagedCache(compute, mechanism.spec(heads));
  const { headDim, valueDim } = cache.spec;
  const aq = place(engine, inputs.aq);
  const bq = place(engine, inputs.bq);
  const rows = {
    ak: place(engine, inputs.ak),
    akStride: inputs.ak.length / BLOCK,
    bk: place(engine, inputs.bk),
    bkStride: inputs.bk.length / BLOCK,
    av: place(engine, inputs.av),
    avStride: inputs.av.length / BLOCK,
    bv: place(engine, inputs.bv),
    bvStride: inputs.bv.length / BLOCK,
  };
  const queries: QueryRows = { aq, aqStride: heads * (rankQ || headDim), bq, bqStride: 0, rankQ };
  const giveBack = compute.takeScratch(attendScratch(compute, cache, rankQ, 1));
  const out = heap.allocate(heads * valueDim * 4);
  const { ak, bk, av, bv } = rows;
  return {
    compute,
    queryAt: aq,
    outAt: out,
    get cacheBytes() {
      return cache.byteLength;
    },
    grow(tokens) {
      while (cache.length < tokens) {
        const count = Math.min(BLOCK, tokens - cache.length);
        cache.reserve(count);
        cache.write(count, rows);
        cache.commit(count);
      }
    },
    run: () => compute.run(() => attend(compute, out, queries, cache, 1, cache.length - 1)),
    output: () => heap.floats(out, heads * valueDim).slice(),
    dispose() {
      cache.dispose();
      giveBack();
      for (const address of [aq, bq, ak, bk, av, bv, out]) heap.release(address);
    },
  };
}

/** Copies numbers into the engine's memory, a panel of room behind them. */
export function place({ heap }: Engine, values: Float32Array): number {
  const address = heap.allocate(values.byteLength + PANEL * 4);
  heap.floats(address, values.length).set(values);
  return address;
}
