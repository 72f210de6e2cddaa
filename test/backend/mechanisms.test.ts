import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Sequence } from '../../src/backend/backend.ts';
import type { CpuBackend } from '../../src/backend/cpu.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { assertRelative } from '../helpers/checks/close.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { watchRegions } from '../helpers/kernels/red-zones.ts';
import { evaluate } from '../helpers/sessions/evaluate.ts';
import { refused } from '../helpers/checks/refused.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

const VARIANTS = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];
/** A chunk, and a part of the next one within a page. */
const STEPS = [48, 12];
/** As in test/model: of float32 against float64. */
const RELATIVE = 2e-5;

const random = createRandom(31);
const ids = Array.from({ length: 110 }, () => random.integer(0, 60));

const test = suite('CpuBackend, every mechanism');

for (const { name, build } of VARIANTS) {
  const { source } = build();

  test(`${name}: no step of 1 to 48 tokens writes past a region`, async () => {
    const watch: { check?: () => void } = {};
    const { backend } = await openCpuModel(source, { simd: 'baseline' }, (kernels, engine) => {
      watch.check = watchRegions(engine);
      return kernels;
    });
    const sequence = backend.createSequence();
    watch.check!();
    for (const count of [1, 2, 3, 5, 48, 47]) {
      await sequence.forward(ids.slice(0, count), 'all');
      watch.check!();
    }
    sequence.fork();
    await sequence.forward([1]);
    watch.check!();
  });

  test(`${name}: a trap, a NaN or no memory within a page leaves the sequence as it was`, async () => {
    const { backend, used } = await open(source);
    const [sequence, control] = [await advanced(backend), await advanced(backend)];
    const fork = sequence.fork();
    const { heap, kernels } = backend.network.compute.engine;
    const before = sizesOf(sequence);
    const most = heap.used + before.byteLength; // its own copy of what it shares with the fork
    const { swiglu } = kernels;
    const { allocate } = heap;
    const nan = () => heap.floats(backend.network.workspace.factors.at, 48).fill(NaN);
    const faults = {
      // first: the copy of the shared page, or the next state
      OUT_OF_MEMORY: () => (heap.allocate = (bytes) => allocate.call(heap, bytes + 2 ** 40)),
      KERNEL_TRAP: () => (kernels.swiglu = trap),
      NONFINITE_LOGITS: () => (kernels.rope = nan),
    };
    const { rope } = kernels;
    for (const [code, provoke] of Object.entries(faults)) {
      provoke();
      await refused(() => sequence.forward(ids.slice(60, 70)), code as keyof typeof faults);
      [kernels.swiglu, kernels.rope] = [swiglu, rope];
      heap.allocate = allocate;
      assert.equal(sizesOf(sequence), before, code);
      assert.ok(heap.used <= most, code);
    }
    const expected = await control.forward(ids.slice(60, 63));
    assert.equal(await sequence.forward(ids.slice(60, 63)), expected);
    assert.equal(await fork.forward(ids.slice(60, 63)), expected);
    for (const each of [sequence, control, fork]) each.dispose();
    assert.is(heap.used, used);
  });

  test(`${name}: forks part, truncated ones go on, nothing is left of them`, async () => {
    const { backend, used } = await open(source);
    const { heap } = backend.network.compute.engine;
    const sequence = await advanced(backend);
    const fork = sequence.fork();
    const other = [...ids.slice(0, 55), ...ids.slice(20, 45)];
    fork.truncate(55);
    await reaches(backend, fork, other);
    await reaches(backend, sequence, ids.slice(0, 100)); // into a second page
    sequence.truncate(97);
    await reaches(backend, sequence, ids.slice(0, 99));
    sequence.truncate(0);
    await reaches(backend, sequence, other);
    await reaches(backend, fork, [...other, 1]);
    sequence.dispose();
    fork.dispose();
    assert.is(heap.used, used);
  });
}

for (const size of [47, 48, 49, 95, 96, 97, 101]) {
  test(`a window of ${size}: in chunks, one by one and after truncate() the same logits`, async () => {
    const { source } = llamaVariant('mistral-window').build();
    const { backend } = await open({
      ...source,
      config: { ...json(source), sliding_window: size },
    });
    const chunks = await advanced(backend);
    await chunks.forward(ids.slice(60, 108));
    const single = backend.createSequence();
    for (const id of ids.slice(0, 108)) await single.forward([id]);
    const expected = await single.forward(ids.slice(108, 109));
    const found = await chunks.forward(ids.slice(108, 109));
    assertRelative(found, expected, RELATIVE, 'in chunks');
    const fork = chunks.fork();
    fork.truncate(size);
    await reaches(backend, fork, ids.slice(0, 106));
    const whole = await open({ ...source, config: { ...json(source), sliding_window: 250 } });
    const blind = whole.backend.createSequence();
    for (const id of ids.slice(0, 108)) await blind.forward([id]);
    assert.not.equal(await blind.forward(ids.slice(108, 109)), expected);
  });
}

test.run();

async function open(source: ModelBytes): Promise<{ backend: CpuBackend; used: number }> {
  const { backend } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
  }));
  return { backend, used: backend.network.compute.engine.heap.used };
}

/** A sequence of the first 60 ids. */
async function advanced(backend: CpuBackend): Promise<Sequence> {
  const sequence = backend.createSequence();
  let at = 0;
  for (const count of STEPS) await sequence.forward(ids.slice(at, (at += count)));
  return sequence;
}

/** Evaluates what `sequence` lacks of `tokens`: the logits are those of a fresh one. */
async function reaches(
  backend: CpuBackend,
  sequence: Sequence,
  tokens: readonly number[],
): Promise<void> {
  const fresh = backend.createSequence();
  const found = await evaluate(sequence, tokens.slice(sequence.length));
  assertRelative(found, await evaluate(fresh, tokens), RELATIVE, `${tokens.length} tokens`);
  fresh.dispose();
}

function sizesOf({ length, byteLength }: Sequence): { length: number; byteLength: number } {
  return { length, byteLength };
}

function json({ config }: ModelBytes): object {
  assert.type(config, 'object');
  return config as object;
}

function trap(): never {
  throw new WebAssembly.RuntimeError('unreachable');
}
