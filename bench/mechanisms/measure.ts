import { freemem } from 'node:os';
import { createEngine, type Engine, type EngineOptions } from '../../src/wasm/engine.ts';
import { interleave, type Schedule } from '../interleave.ts';
import { openThreaded, type ThreadedEngine } from '../threads/engine.ts';
import { probesOf } from '../kernels/engines.ts';
import { peakCase } from '../peak.ts';
import { assertClose } from '../peers/reference.ts';
import { openStep, randomInputs, type DecodeStep } from './decode-step.ts';
import { openLatentStep, randomLatentWeights } from './latent-step.ts';
import { cacheBytes, headsOf, MECHANISMS, skipReason, type Mechanism } from './mechanisms.ts';
import { stepReference } from './reference.ts';
import type { ContextResult, DimResult, Skipped } from './result.ts';

/** Small enough for a scalar reference, odd enough to show a wrong stride. */
const CHECK_TOKENS = 37;
/** Left to the machine and to the JavaScript heap. */
const RESERVE = 1e9;

/** What is timed. */
export interface Plan {
  readonly dims: readonly number[];
  readonly contexts: readonly number[];
  readonly schedule: Schedule;
  /** Of every mechanism, default 1. */
  readonly threads?: number;
}

type Computing = Pick<ThreadedEngine, 'engine'> & Partial<ThreadedEngine>;

interface Subject {
  readonly mechanism: Mechanism;
  readonly engine: Engine;
  readonly step: DecodeStep;
}

/**
 * Times one decode step of every mechanism at every context, those of a context in turns. Each
 * mechanism has a memory of its own, so that all of them may take the 4 GiB of one.
 *
 * @param onContext called after each context
 * @param options of each mechanism's engine
 * @throws Error where a mechanism computes something else than its float64 reference
 */
export async function measure(
  { dims, contexts, schedule, threads = 1 }: Plan,
  onContext: (dim: number, result: ContextResult) => void,
  options: EngineOptions = {},
): Promise<{ simd: string; results: DimResult[] }> {
  const engines = await Promise.all(
    MECHANISMS.map(async (): Promise<Computing> =>
      threads > 1 ? openThreaded(threads, options) : { engine: await createEngine(options) },
    ),
  );
  const results: DimResult[] = [];
  for (const dim of dims) {
    const heads = headsOf(dim);
    const subjects = MECHANISMS.map((mechanism, at) => open(engines[at]!, mechanism, heads));
    const found: ContextResult[] = [];
    for (const tokens of contexts) {
      found.push(await measureContext(subjects, heads, tokens, schedule));
      onContext(dim, found.at(-1)!);
    }
    for (const { step } of subjects) step.dispose();
    results.push({ dim, heads, contexts: found });
  }
  for (const { pool } of engines) pool?.dispose();
  return { simd: engines[0]!.engine.simd.simd, results };
}

function open({ engine, threads }: Computing, mechanism: Mechanism, heads: number): Subject {
  const inputs = randomInputs(mechanism, heads);
  const weights = randomLatentWeights(mechanism.name === 'MLA' ? heads : 0);
  const step =
    mechanism.name === 'MLA'
      ? openLatentStep(engine, mechanism, heads, inputs, weights, threads)
      : openStep(engine, mechanism, heads, inputs, threads);
  step.grow(CHECK_TOKENS);
  step.run();
  const expected = stepReference(mechanism, heads, inputs, weights, CHECK_TOKENS);
  assertClose(mechanism.name, step.output(), expected);
  return { mechanism, engine, step };
}

async function measureContext(
  subjects: readonly Subject[],
  heads: number,
  tokens: number,
  schedule: Schedule,
): Promise<ContextResult> {
  const skipped: Skipped[] = [];
  const grown: Subject[] = [];
  for (const subject of subjects) {
    const { mechanism } = subject;
    const reason = grow(subject, heads, tokens);
    if (reason === undefined) grown.push(subject);
    else skipped.push({ mechanism, cacheBytes: cacheBytes(mechanism, heads, tokens), reason });
  }
  const macsOf = ({ macsPerToken, macsPerStep }: Mechanism) =>
    tokens * macsPerToken(heads) + macsPerStep(heads);
  const peak = peakCase('fmaPeak', await probesOf(subjects[0]!.engine));
  const cases = grown.map(({ mechanism, step }) => ({
    name: mechanism.name,
    macs: macsOf(mechanism),
    run: () => step.run(),
  }));
  const [peakTiming, ...timings] = await interleave([peak, ...cases], schedule);
  const measured = grown.map(({ mechanism, step }, at) => ({
    mechanism,
    cacheBytes: step.cacheBytes,
    macs: cases[at]!.macs,
    timing: timings[at]!,
  }));
  const points = subjects.map(({ mechanism }) =>
    [...measured, ...skipped].find((point) => point.mechanism === mechanism)!,
  );
  return { tokens, peakRate: peak.macs / peakTiming!.best, points };
}

/** Makes the cache longer; or says why not. */
function grow({ mechanism, engine, step }: Subject, heads: number, tokens: number) {
  const { heap } = engine;
  const needed = cacheBytes(mechanism, heads, tokens) - step.cacheBytes;
  const reason = skipReason(needed, {
    engine: heap.limit - heap.used,
    machine: freemem() - RESERVE + heap.size - heap.used,
  });
  if (reason === undefined) step.grow(tokens);
  return reason;
}
