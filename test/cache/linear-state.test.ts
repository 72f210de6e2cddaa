import { Compute } from '../../src/compute/compute.ts';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LinearState } from '../../src/cache/linear-state.ts';
import { createEngine, type Engine } from '../../src/wasm/engine.ts';
import { refused } from '../helpers/checks/refused.ts';

const SPEC = {
  heads: 3,
  headDim: 6,
  valueDim: 5,
  rankK: 1,
  rankV: 1,
  score: 'linear',
} as const;
/** (heads, headDim, valueDim rounded up to 4) floats, in whole cache lines. */
const STATE_BYTES = Math.ceil((3 * 6 * 8 * 4) / 64) * 64;

interface Context {
  engine: Engine;
  used: number;
  state: LinearState;
}

const test = suite<Context>('LinearState');

test.before.each(async (context) => {
  context.engine = await createEngine({ simd: 'baseline' });
  context.used = context.engine.heap.used;
  context.state = new LinearState(new Compute(context.engine), SPEC);
});

/** A step whose state is all `value`. */
function step(
  { engine, state }: Pick<Context, 'engine' | 'state'>,
  value: number,
  count = 1,
): void {
  state.reserve(count);
  engine.heap.floats(state.nextAt, 1)[0] = value;
  state.commit(count);
}

function valueOf({ engine, state }: Pick<Context, 'engine' | 'state'>): number | undefined {
  return state.stateAt === 0 ? undefined : engine.heap.floats(state.stateAt, 1)[0];
}

test('takes the same memory for 1 token and for 10,000', (context) => {
  const { engine, state } = context;
  step(context, 1);
  step(context, 2);
  const after2 = engine.heap.used;
  for (let i = 0; i < 100; i++) step(context, i, 100);
  assert.is(state.length, 10_002);
  assert.is(engine.heap.used, after2);
  assert.is(state.byteLength, 2 * STATE_BYTES);
});

test('its bytes are those of its heads, of 4 GiB as well: not 0', async ({ engine }) => {
  for (const [spec, bytes] of [
    [SPEC, STATE_BYTES],
    [{ ...SPEC, heads: 6, rankK: 2, rankV: 2, headFactors: 'groups' as const }, 2 * 6 * 8 * 4],
  ] as const) {
    const state = new LinearState(new Compute(engine), spec);
    state.reserve(1);
    state.commit(1);
    assert.is(Math.ceil(state.byteLength / 64) * 64, bytes);
    state.dispose();
  }
  const vast = new LinearState(new Compute(engine), {
    ...SPEC,
    heads: 1024,
    headDim: 1024,
    valueDim: 1024,
  });
  await refused(() => vast.reserve(1), 'OUT_OF_MEMORY');
  vast.dispose();
});

test('a step that is not committed leaves the state as it was', (context) => {
  const { engine, state } = context;
  step(context, 7, 3);
  const { used } = engine.heap;
  state.reserve(2);
  engine.heap.floats(state.nextAt, 1)[0] = 99;
  state.trim();
  assert.is(valueOf(context), 7);
  assert.is(state.length, 3);
  assert.is(engine.heap.used, used);
});

test('truncate() takes back the last step exactly, and beyond it everything', (context) => {
  const { state } = context;
  step(context, 1, 5);
  step(context, 2, 1);
  state.truncate(6);
  assert.is(valueOf(context), 2);
  state.truncate(5);
  assert.equal([state.length, valueOf(context)], [5, 1]);
  state.truncate(4);
  assert.equal([state.length, valueOf(context)], [0, undefined]);
  step(context, 3, 2);
  step(context, 4, 2);
  state.truncate(3); // no state of 3 tokens is kept
  assert.equal([state.length, valueOf(context)], [2, 3]);
});

test('forks share states and part when one goes on; nothing is left when all are disposed', (context) => {
  const { engine, state, used } = context;
  step(context, 1);
  step(context, 2);
  const before = engine.heap.used;
  const fork = state.fork();
  assert.ok(engine.heap.used - before < STATE_BYTES);
  step({ engine, state: fork }, 3);
  assert.equal([valueOf(context), valueOf({ engine, state: fork })], [2, 3]);
  fork.truncate(2);
  assert.is(valueOf({ engine, state: fork }), 2);
  state.dispose();
  assert.is(valueOf({ engine, state: fork }), 2);
  fork.dispose();
  assert.is(engine.heap.used, used);
});

test('without memory for the next state nothing changes', async () => {
  const small = await createEngine({ simd: 'baseline', memoryLimit: 1 << 20 });
  const big = new LinearState(new Compute(small), {
    ...SPEC,
    heads: 64,
    headDim: 64,
    valueDim: 128,
  });
  await refused(() => big.reserve(1), 'OUT_OF_MEMORY');
  assert.is(big.length, 0);
  big.trim();
  big.dispose();
  assert.is(small.heap.used, 0);
});

test.run();
