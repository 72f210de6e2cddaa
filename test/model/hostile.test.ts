import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model, type ModelSource } from '../../src/index.ts';
import {
  asBytes,
  bpe,
  GOOD_CONFIG,
  GOOD_FILES,
  type HostileModel,
  hostileModels,
} from '../helpers/models/hostile-models.ts';
import { assertCost } from '../helpers/checks/cost.ts';
import { refused } from '../helpers/checks/refused.ts';
import { greedy } from '../helpers/sessions/sessions.ts';
import { createWitnesses, type Witnesses } from '../helpers/sessions/witnesses.ts';

/** A refusal costs at most so many loads of a tiny model, of 4 ms; the dearest costs 10. */
const MAX_LOADS = 100;

interface Bystander {
  model: Model;
  witnesses: Witnesses;
  next: number[];
  used: number;
}

const good = asBytes(GOOD_FILES)!;
const prompt = [5, 6, 7, 8];
const test = suite<Bystander>('loadModel(), hostile files');

test.before(async (context) => {
  context.model = await loadModel(good, { simd: 'baseline' });
  const session = context.model.createSession();
  context.next = await greedy(session, prompt, 8);
  session.dispose();
  context.witnesses = await createWitnesses(context.model, prompt);
  context.used = context.model.memory().used;
});
test.after(({ model }) => model.dispose());

/** The sessions of another model go on as before, and that model's memory is what it was. */
async function isUndisturbed({ model, witnesses, used }: Bystander, what: string): Promise<void> {
  assert.is(model.memory().used, used, what);
  await witnesses.isUnchanged(what);
}

async function isRefused(source: ModelSource, { label, codes }: HostileModel): Promise<void> {
  await assertCost({
    what: label,
    control: async () => (await loadModel(good)).dispose(),
    work: () => refused(() => loadModel(source), codes, label),
    factor: MAX_LOADS,
  });
}

for (const hostile of hostileModels()) {
  test(`${hostile.label}: ${hostile.codes}, from bytes and from a directory`, async (context) => {
    const bytes = asBytes(hostile.files);
    if (bytes !== undefined) await isRefused(bytes, hostile);
    await isUndisturbed(context, 'bytes');
    await inDirectory(hostile.files, (directory) => isRefused(directory, hostile));
    await isUndisturbed(context, 'directory');
  });
}

test('a memoryLimit below what the model needs, its room to compute included: RESOURCE_LIMIT', async (context) => {
  const memoryLimit = 2 ** 20;
  const small = { ...good, config: { ...GOOD_CONFIG, block_size: 2 ** 11 } };
  const error = await refused(() => loadModel(small, { memoryLimit }), 'RESOURCE_LIMIT');
  assert.ok(Number(error.data['needed']) > memoryLimit);
  await refused(() => loadModel(good, { memoryLimit }), 'RESOURCE_LIMIT');
  await isUndisturbed(context, 'memoryLimit');
});

test('a signal aborted before, or by any progress: ABORTED, from bytes and a directory', async (context) => {
  await inDirectory(GOOD_FILES, async (directory) => {
    for (const source of [good, directory]) {
      await refused(() => loadModel(source, { signal: AbortSignal.abort() }), 'ABORTED');
      let count = 0;
      await loadModel(source, { onProgress: () => count++ });
      assert.ok(count > 20, `${count} pieces`);
      for (let n = 1; n <= count; n++) {
        const controller = new AbortController();
        let seen = 0;
        const onProgress = () => {
          if (++seen === n) controller.abort();
        };
        const { signal } = controller;
        await refused(() => loadModel(source, { signal, onProgress }), 'ABORTED', `piece ${n}`);
        assert.is(seen, n);
      }
    }
  });
  await isUndisturbed(context, 'abort');
});

test('what onProgress throws reaches the caller', async (context) => {
  const mine = new Error('mine');
  const onProgress = () => {
    throw mine;
  };
  const thrown = await loadModel(good, { onProgress }).catch((error: unknown) => error);
  assert.is(thrown, mine);
  await isUndisturbed(context, 'onProgress');
});

test('odd sources and options are TypeError or RangeError that name what was expected', async (context) => {
  const sources: [unknown, RegExp][] = [
    [undefined, /^TypeError: "source" expected/],
    [7, /^TypeError: "source" expected/],
    [new URL('data:,x'), /^TypeError: "source" expected/],
    [{ config: GOOD_CONFIG }, /^TypeError: "source\.weights" expected/],
    [{ ...good, config: 7 }, /^TypeError: "source\.config" expected/],
    [{ ...good, tokenizer: 7 }, /^TypeError: "source\.tokenizer" expected/],
  ];
  const options: [unknown, RegExp][] = [
    [null, /^TypeError: "options" expected an object, got null/],
    [5, /^TypeError: "options" expected an object, got 5/],
    [
      { memorylimit: 1 },
      /^TypeError: "memorylimit" is .* loadModel, did you mean "memoryLimit"\?$/,
    ],
    [{ backend: 'webgpu' }, /^TpaError: "backend": "webgpu" is not available: /],
    [{ backend: 'gpu' }, /^RangeError: "backend" expected "auto", "wasm" or "webgpu"/],
    [{ simd: 'fast' }, /^RangeError: "simd" expected "auto", "baseline" or "relaxed"/],
    [{ simd: null }, /^RangeError: "simd" expected/],
    [{ wasm: new Uint8Array(8) }, /^TypeError: "simd" expected "baseline" or "relaxed"/],
    [{ threads: 65 }, /^RangeError: "threads" expected an integer in 1/],
    [{ contextLength: 0 }, /^RangeError: "contextLength" expected an integer in 1\.\.16777216/],
    [{ contextLength: 2.5 }, /^RangeError: "contextLength" expected an integer/],
    [{ contextLength: '64' }, /^TypeError: "contextLength" expected an integer .* got string/],
    [
      { dtype: 'float32' },
      /^RangeError: "dtype" expected "auto", "f32", "q8" or "q4", got "float32"/,
    ],
    [{ dtype: 8 }, /^RangeError: "dtype" expected .* got 8$/],
    [{ cacheDtype: 'f16' }, /^RangeError: "cacheDtype" expected "f32"/],
    [{ memoryLimit: 0 }, /^RangeError: "memoryLimit" expected an integer in 1048576/],
    [{ memoryLimit: 2 ** 32 }, /^RangeError: "memoryLimit" expected/],
    [{ memoryLimit: NaN }, /^RangeError: .* got NaN$/],
    [{ onProgress: 5 }, /^TypeError: "onProgress" expected a function, got 5/],
    [{ signal: {} }, /^TypeError: "signal" expected an AbortSignal, got Object/],
    [{ simd: 'baseline', wasm: 'k.wasm' }, /^TypeError: "wasm" expected a WebAssembly\.Module/],
    [{ simd: 'baseline', wasm: null }, /^TypeError: "wasm" expected/],
  ];
  const calls = [
    ...sources.map(([source, message]) => ({ source, given: {}, message })),
    ...options.map(([given, message]) => ({ source: good, given, message })),
    { source: '/nonexistent', given: { simd: 'fast' }, message: /^RangeError: "simd" expected/ },
  ];
  for (const { source, given, message } of calls) {
    const outcome = loadModel(source as ModelSource, given as object);
    assert.match(String(await outcome.catch((thrown: unknown) => thrown)), message);
  }
  await isUndisturbed(context, 'options');
});

test('kernels that are none are WASM_BLOCKED', async (context) => {
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  const html = new Response('<html>');
  const sources = [empty, empty.slice(0, 3), html, new URL('http://127.0.0.1:1/kernels.wasm')];
  for (const wasm of sources) {
    await refused(() => loadModel(good, { simd: 'baseline', wasm }), 'WASM_BLOCKED');
  }
  await isUndisturbed(context, 'kernels');
});

test('after all of it a good load works, and gives the same tokens', async ({ next }) => {
  await inDirectory(GOOD_FILES, async (directory) => {
    for (const source of [good, directory]) {
      using model = await loadModel(source, { simd: 'baseline' });
      using session = model.createSession();
      assert.equal(await greedy(session, prompt, 8), next);
    }
  });
});

test('a tokenizer.json without added tokens is good', async () => {
  for (const added of [{}, { added_tokens: null }, { added_tokens: [] }]) {
    using model = await loadModel({ ...good, tokenizer: { ...bpe({}), ...added } });
    assert.equal(model.tokenizer?.encode('aa'), [0, 0]);
  }
});

test.run();

/** Runs `use` with a directory that holds the files. */
async function inDirectory(
  files: ReadonlyMap<string, Uint8Array>,
  use: (directory: string) => Promise<unknown>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tpa-hostile-'));
  try {
    for (const [name, bytes] of files) await writeFile(join(directory, name), bytes);
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
