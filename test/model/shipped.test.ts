import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model, type ModelSource } from '../../src/index.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { buildSafetensors, type TensorData } from '../helpers/files/build-safetensors.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { floats, integers, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import { refused } from '../helpers/checks/refused.ts';
import { goldenWeights } from '../helpers/models/t6-model.ts';

const SHIPPED = fileURLToPath(new URL('../../models/t6-fairytales/', import.meta.url));
const golden = loadGolden('shipped_t6');
const expected = floats(golden, 'logits');
const atol = tolerance(golden, 'logits');
const SEEDED_TEXT =
  ' had only seen of it.\nThe old man went into the room, but at last she came and then came down and saw her a little creature sitting, and put on her hand.\nThen';

for (const simd of BINARIES) {
  const test = suite<{ model: Model }>(`the shipped model, ${simd}`);

  test.before(async (context) => {
    context.model = await loadModel(SHIPPED, { simd });
  });
  test.after(({ model }) => model.dispose());

  test(`the last 40 of 200 positions within ${atol}`, async ({ model }) => {
    const logits = await model.logits(integers(golden, 'ids'));
    assert.is(logits.length, 200 * model.config.vocabSize);
    assertClose(logits.subarray(-expected.length), expected, { atol, what: 'logits' });
  });

  test('greedy continuation of 48 tokens, token for token, and its text', async ({ model }) => {
    const greedy = [...integers(golden, 'greedy')];
    const promptLength = golden.meta.greedy_prompt_len!;
    using session = model.createSession();
    const generation = session.generate(greedy.slice(0, promptLength), {
      temperature: 0,
      maxTokens: 48,
    });
    const text = await generation.text();
    assert.equal(generation.tokens, greedy.slice(promptLength));
    assert.is(generation.tokens.length, 48);
    assert.is(text, model.tokenizer!.decode(greedy.slice(promptLength)));
  });

  if (simd === 'baseline') {
    // written down from Node 20; Node 24 (V8 13.6) gives the same
    test('a seed gives the same text for ever', async ({ model }) => {
      using session = model.createSession();
      const text = await session
        .generate('The old king', {
          seed: 7,
          temperature: 0.9,
          topK: 50,
          topP: 0.95,
          minP: 0.01,
          repetitionPenalty: 1.1,
          maxTokens: 40,
        })
        .text();
      assert.is(text, SEEDED_TEXT);
    });
  }

  test('info() and memory() tell sizes and the binary', ({ model }) => {
    const { parameters, cacheBytesPerToken, denseCacheBytesPerToken, ...info } = model.info();
    assert.is(info.simd, simd);
    assert.is(info.simdReason, 'asked for');
    assert.equal(info.ignoredTensors, []);
    const layer = 192 * (8 * (4 + 2 + 2) + 32 * (4 + 2 + 2) + 8 * 32 + 3 * 512);
    assert.is(parameters, 2048 * 192 + 4 * layer);
    assert.is(cacheBytesPerToken, 4 * (2 + 2) * (8 + 32) * 4);
    assert.is(denseCacheBytesPerToken, 4 * 2 * 8 * 32 * 4);
    const { used, size, limit } = model.memory();
    assert.ok(used <= size && size <= limit, `${used} of ${size}`);
    // measured 1.11: rows padded to panels, activations of 48 tokens
    assert.ok(used > 4 * parameters && used < 1.15 * 4 * parameters, `${used} used`);
  });

  test.run();
}

const formats = suite('loadModel(), file formats');
const tiny = loadGolden('model_t6');
const config = { ...tiny.meta.config, rope_precision: 'float32' };
const ids = [...integers(tiny, 'ids')].slice(0, 40);
/** Values that float16 and bfloat16 hold: 8 bits, and 0 below float16's normal numbers. */
const weights = goldenWeights(tiny).map((tensor) => ({ ...tensor, data: coarse(tensor.data) }));

/** Logits of a source, equal to the last bit on the baseline build. */
async function logitsOf(source: ModelSource): Promise<Float32Array> {
  using model = await loadModel(source, { simd: 'baseline' });
  return model.logits(ids);
}

const reference = await logitsOf({ config, weights: buildSafetensors(weights) });

formats('F16 and BF16 copies of the same values give the same bits', async () => {
  const { length } = buildSafetensors(weights);
  for (const dtype of ['F16', 'BF16'] as const) {
    const file = buildSafetensors(weights.map((tensor) => ({ ...tensor, dtype })));
    assert.ok(file.length < 0.55 * length);
    assert.equal(await logitsOf({ config, weights: file }), reference);
  }
});

formats('rounded weights give other logits, so the check can fail', async () => {
  const file = buildSafetensors(goldenWeights(tiny));
  assert.not.equal(await logitsOf({ config, weights: file }), reference);
});

formats('every order of tensors, a missing lm_head and another name for nothing', async () => {
  const reversed = buildSafetensors(weights.toReversed());
  assert.equal(await logitsOf({ config, weights: reversed }), reference);
  const untied = buildSafetensors(weights.filter(({ name }) => name !== 'lm_head.weight'));
  assert.equal(await logitsOf({ config, weights: untied }), reference);
  const extra: TensorData = { name: 'rotary.inv_freq', shape: [2], data: [1, 2] };
  const source = { config, weights: buildSafetensors([extra, ...weights]) };
  assert.equal(await logitsOf(source), reference);
  using model = await loadModel(source);
  assert.equal(model.info().ignoredTensors, ['rotary.inv_freq']);
});

formats('an lm_head that is not the embedding is refused by name, never ignored', async () => {
  const changed = weights.map((tensor) =>
    tensor.name === 'lm_head.weight'
      ? {
          ...tensor,
          data: Float32Array.from(tensor.data, (value, i) => (i === 9 ? -value : value)),
        }
      : tensor,
  );
  const error = await refused(
    () => loadModel({ config, weights: buildSafetensors(changed) }),
    'MODEL_UNSUPPORTED',
  );
  assert.equal(error.data, { tensor: 'lm_head.weight', index: 9 });
});

formats.run();

function coarse(data: ArrayLike<number>): Float32Array {
  const rounded = Float32Array.from(data);
  const bits = new Uint32Array(rounded.buffer);
  for (let i = 0; i < bits.length; i++) bits[i]! &= 0xffff0000;
  return rounded.map((x) => (Math.abs(x) < 2 ** -14 ? 0 : x));
}
