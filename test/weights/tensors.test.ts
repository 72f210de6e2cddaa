import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_CONFIG_BYTES, parseConfig, parseConfigBytes } from '../../src/format/config/config.ts';
import { readModelFile } from '../../src/format/files/model-files.ts';
import { openModelFiles } from '../../src/format/files/model-source.ts';
import { openTensors } from '../../src/format/tensors/tensors.ts';
import { checkTensors, expectedTensors, parameterCount } from '../../src/weights/tensors.ts';
import { refused } from '../helpers/checks/refused.ts';
import { readTensor } from '../helpers/files/read-tensor.ts';
import { entriesOf, tensorsOf, tinyConfig } from '../helpers/models/tiny-model.ts';

const test = suite('checkTensors()');

test('accepts the model itself, 16-bit dtypes, the tied head; lists other extras', () => {
  const config = tinyConfig();
  const tensors = tensorsOf(config).map((tensor) => ({ ...tensor, dtype: 'BF16' as const }));
  const extra = { name: 'greedy_exact', shape: [3], data: [1, 2, 3] };
  const head = { name: 'lm_head.weight', shape: [11, 6], data: new Float32Array(66) };
  assert.equal(checkTensors(config, entriesOf(tensors)), { extras: [] });
  assert.equal(checkTensors(config, entriesOf([...tensors, head, extra])), {
    extras: ['greedy_exact'],
  });
});

test('W7 refuses each tensor in turn dropped, resized, transposed, reshaped or retyped', async () => {
  for (const config of [tinyConfig(), tinyConfig({}, 'tpa-kvonly')]) {
    const entries = entriesOf(tensorsOf(config));
    for (const [name, entry] of entries) {
      const { shape } = entry;
      const mutants = [
        undefined,
        { ...entry, shape: shape.map((n) => n + 1) },
        { ...entry, shape: [shape[0]! - 1, ...shape.slice(1)] },
        { ...entry, shape: [...shape, 1] },
        { ...entry, shape: [] },
        { ...entry, shape: shape.length > 1 ? [shape[0]! * shape[1]!] : [1, shape[0]!] },
        ...['I32', 'F64', 'I8', 'BOOL', 'F8_E4M3'].map((dtype) => ({ ...entry, dtype })),
        ...(shape.length === 1 || shape[0] === shape[1]
          ? []
          : [{ ...entry, shape: shape.toReversed() }]),
      ];
      for (const mutant of mutants) {
        const changed = new Map(entries);
        if (mutant) changed.set(name, mutant);
        else changed.delete(name);
        const label = `${name} ${JSON.stringify(mutant)}`;
        const error = await refused(() => checkTensors(config, changed), 'MODEL_MISMATCH', label);
        assert.is(error.data['tensor'], name);
        assert.ok(error.data['expected'] && error.data['found'], label);
      }
    }
  }
});

test('W7 refuses each two tensors of different shape swapped', async () => {
  const config = tinyConfig();
  const entries = entriesOf(tensorsOf(config));
  for (const [nameA, a] of entries) {
    for (const [nameB, b] of entries) {
      if (String(a.shape) === String(b.shape)) continue;
      const swapped = new Map(entries).set(nameA, b).set(nameB, a);
      await refused(() => checkTensors(config, swapped), 'MODEL_MISMATCH', `${nameA} ${nameB}`);
    }
  }
});

test('W7 refuses a head unlike the embedding and layer weights the config has no use for', async () => {
  const config = tinyConfig({ using_groupnorm: false });
  const entries = entriesOf(tensorsOf(config));
  const f32 = { dtype: 'F32', offset: 0, byteLength: 4 };
  const table: [string, number[]][] = [
    ['lm_head.weight', [12, 6]],
    ['transformer.h.0.attn.subln.weight', [4]],
    ['transformer.h.2.mlp.c_fc1.weight', [16, 6]],
    ['transformer.h.1.mlp.c_fc1.bias', [16]],
    ['transformer.h.0.attn.c_qkv.c_q.weight', [12, 6]],
  ];
  for (const [name, shape] of table) {
    const more = new Map(entries).set(name, { name, shape, ...f32 });
    await refused(() => checkTensors(config, more), 'MODEL_MISMATCH', name, { tensor: name });
  }
});

test('parameterCount() is the sum over all expected tensors', () => {
  for (const mechanism of ['tpa', 'tpa-kvonly'] as const) {
    const config = tinyConfig({ n_layer: 5 }, mechanism);
    const sizes = expectedTensors(config).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    assert.is(
      parameterCount(config),
      sizes.reduce((a, b) => a + b, 0),
    );
  }
});

test('the shipped model opens: config parses, every tensor matches, all finite', async () => {
  const files = await openModelFiles(new URL('../../models/t6-fairytales', import.meta.url));
  try {
    const tensors = await openTensors(files);
    const json = parseConfigBytes(await readModelFile(files, 'config.json', MAX_CONFIG_BYTES));
    const config = parseConfig(json, tensors.entries);
    assert.equal(checkTensors(config, tensors.entries), { extras: [] });
    const { mechanism, layers, heads, headDim, dim, rankQ, rankK } = config;
    const found = [mechanism, layers, heads, headDim, dim, rankQ, rankK];
    assert.equal(found, ['tpa', 4, 8, 32, 192, 4, 2]);
    let parameters = 0;
    for (const name of tensors.entries.keys())
      parameters += (await readTensor(tensors, name)).length;
    assert.is(parameters, parameterCount(config));
  } finally {
    await files.close();
  }
});

test.run();
