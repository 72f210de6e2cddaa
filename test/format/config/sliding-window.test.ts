import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eachRefused, refused } from '../../helpers/checks/refused.ts';
import { llamaConfig } from '../../helpers/models/tiny-configs.ts';
import type { Family, Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() of sliding windows');

const FULL = 'full_attention';
const SLIDING = 'sliding_attention';

/** The window of a model of four layers, `{}` for none. */
function window(family: Family, changes: Json): unknown {
  const config = llamaConfig(family, { num_hidden_layers: 4, ...changes });
  return 'slidingWindow' in config ? config.slidingWindow : {};
}

test('Mistral windows every layer, or none where the key is null; LLaMA none', () => {
  assert.equal(window('mistral', { sliding_window: 6 }), { size: 6, firstLayer: 0 });
  assert.equal(window('mistral', { sliding_window: null }), {});
  assert.equal(window('mistral', {}), { size: 4096, firstLayer: 0 });
  assert.equal(window('llama', { sliding_window: 6 }), {});
  const { ignoredKeys } = llamaConfig('llama', { sliding_window: 6 });
  assert.ok(ignoredKeys.includes('sliding_window'));
});

test('Qwen windows layers >= max_window_layers where use_sliding_window is true', () => {
  const keys = { sliding_window: 6, max_window_layers: 1 };
  for (const family of ['qwen2', 'qwen3'] as const) {
    assert.equal(window(family, { ...keys, use_sliding_window: true }), { size: 6, firstLayer: 1 });
    assert.equal(window(family, { ...keys, use_sliding_window: false }), {});
    assert.equal(window(family, keys), {});
    const used = { ...keys, use_sliding_window: true };
    assert.equal(window(family, { ...used, max_window_layers: 0 }), { size: 6, firstLayer: 0 });
    assert.equal(window(family, { ...used, max_window_layers: 3 }), { size: 6, firstLayer: 3 });
    assert.equal(window(family, { ...used, max_window_layers: 4 }), {});
    assert.equal(window(family, { ...used, max_window_layers: undefined }), {}); // 28
    assert.equal(window(family, { ...used, sliding_window: null }), {});
    assert.equal(window(family, { ...used, sliding_window: undefined }), {
      size: 4096,
      firstLayer: 1,
    });
  }
});

const layers = (count: number): string[] =>
  Array.from({ length: 4 }, (_, i) => (i < count ? FULL : SLIDING));

test('layer_types says it layer by layer, full layers first', () => {
  const used = { sliding_window: 6, use_sliding_window: true };
  for (const firstLayer of [0, 1, 3]) {
    const layer_types = layers(firstLayer);
    assert.equal(window('qwen2', { ...used, layer_types }), { size: 6, firstLayer });
  }
  for (const family of ['llama', 'qwen2', 'qwen3'] as const) {
    assert.equal(window(family, { ...used, layer_types: layers(4) }), {});
    const unused = { use_sliding_window: false, layer_types: layers(4) };
    assert.equal(window(family, unused), {});
  }
  assert.equal(window('mistral', { sliding_window: 6, layer_types: layers(0) }), {
    size: 6,
    firstLayer: 0,
  });
  assert.equal(window('mistral', { sliding_window: null, layer_types: layers(4) }), {});
});

test('layer_types that disagree or come in another order are refused by name', async () => {
  const used = { sliding_window: 6, use_sliding_window: true };
  const table: [Family, Json][] = [
    ['qwen2', { ...used, layer_types: [SLIDING, FULL, FULL, FULL] }],
    ['qwen3', { ...used, layer_types: [FULL, SLIDING, FULL, SLIDING] }],
    ['qwen3', { layer_types: [FULL, SLIDING, SLIDING, SLIDING] }],
    ['qwen3', { ...used, sliding_window: null, layer_types: [FULL, FULL, FULL, SLIDING] }],
    ['llama', { ...used, layer_types: [FULL, FULL, FULL, SLIDING] }],
    ['mistral', { ...used, layer_types: [FULL, SLIDING, SLIDING, SLIDING] }],
    ['mistral', { ...used, layer_types: [FULL, FULL, FULL, FULL] }],
    ['mistral', { sliding_window: null, layer_types: [SLIDING, SLIDING, SLIDING, SLIDING] }],
    ['qwen2', { layer_types: [FULL, FULL, FULL, 'chunked_attention'] }],
  ];
  for (const [family, changes] of table) {
    const label = `${family} ${JSON.stringify(changes)}`;
    const error = await refused(() => window(family, changes), 'MODEL_UNSUPPORTED', label);
    assert.is(error.data['path'], 'layer_types');
    assert.match(String(error.data['found']), /_attention/);
  }
});

test('C1 refuses odd layer_types by their key, used or not', async () => {
  const odd = [[], [FULL], [FULL, FULL, FULL, 5], [FULL, FULL, FULL, null], {}, 'x', 4, true];
  for (const use_sliding_window of [true, false]) {
    const run = (layer_types: unknown) => window('qwen2', { use_sliding_window, layer_types });
    await eachRefused(run, 'CONFIG_INVALID', odd, { path: 'layer_types' });
  }
});

test.run();
