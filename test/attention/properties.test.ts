import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime, type Runtime } from '../../src/index.ts';
import {
  attentionInputs,
  type AttentionShape,
  attentionShape,
} from '../helpers/kernels/attention-shape.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertClose, nmse } from '../helpers/checks/close.ts';
import { createRandom, type Random } from '../helpers/checks/random.ts';
import { attention, type AttentionResult, attentionTolerance } from '../reference/attention.ts';

const RUNS = 1000;
/** Fixed, so that a red run is red again; fast-check prints it with the path to the shape. */
const SEED = 20_250_111;

type Inputs = ReturnType<typeof attentionInputs>;

/** Tokens from … to of every array of `count` tokens. */
function tokensOf<T extends object>(arrays: T, count: number, from: number, to: number): T {
  const cut = (value: unknown) => {
    if (!(value instanceof Float32Array)) return value;
    const width = value.length / count;
    return value.slice(from * width, to * width);
  };
  return Object.fromEntries(Object.entries(arrays).map(([key, x]) => [key, cut(x)])) as T;
}

/** 0, some places between, and `count`, in order. */
function cuts(random: Random, count: number, pieces: number): number[] {
  const between = Array.from({ length: pieces - 1 }, () => random.integer(1, count));
  return [...new Set([0, ...between, count])].toSorted((a, b) => a - b);
}

/** Appends in random pieces and attends, all queries at once or in random blocks as tokens come. */
function run(runtime: Runtime, shape: AttentionShape, { query, cache: factors }: Inputs) {
  const { tokens, cached, heads, valueDim } = shape;
  const random = createRandom(shape.seed);
  using cache = runtime.createFactorCache(shape);
  const appendTo = (length: number) => {
    const [from, missing] = [cache.length, length - cache.length];
    const pieces = cuts(random, missing, random.integer(1, 4));
    for (const [i, end] of pieces.entries()) {
      if (i > 0) cache.append(tokensOf(factors, cached, from + pieces[i - 1]!, from + end));
    }
  };
  const out = new Float32Array(tokens * heads * valueDim);
  const blocks = random.integer(0, 2) > 0 ? 1 : random.integer(2, 10);
  const ends = cuts(random, tokens, blocks);
  for (const [i, end] of ends.entries()) {
    if (i === 0) continue;
    const start = ends[i - 1]!;
    appendTo(cached - tokens + end);
    const attended = runtime.attend(tokensOf(query, tokens, start, end), cache);
    out.set(attended, start * heads * valueDim);
  }
  return out;
}

function check(actual: Float32Array, result: AttentionResult, what: string): void {
  assertClose(actual, result.out, { atol: attentionTolerance(result), what });
  const error = nmse(actual, result.out);
  assert.ok(error <= 1e-9, `${what}: NMSE ${error}`);
}

const test = suite('runtime.attend(), random shapes');
const runtimes = await Promise.all(BINARIES.map((simd) => createRuntime({ simd })));

test(`${RUNS} shapes, any append and any blocks: 1e-6 · (1 + max|logit|) · max|V|, NMSE 1e-9`, () => {
  const used = runtimes.map((runtime) => runtime.memory().used);
  let shapes = 0;
  fc.assert(
    fc.property(attentionShape(), (shape) => {
      const inputs = attentionInputs(shape);
      const result = attention(inputs.query, inputs.cache, shape);
      for (const runtime of runtimes) {
        check(run(runtime, shape, inputs), result, runtime.info().simd);
      }
      shapes++;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  assert.ok(shapes >= RUNS);
  assert.equal(
    runtimes.map((runtime) => runtime.memory().used),
    used,
    'all memory came back',
  );
});

test.run();
