import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TpaErrorCode } from '../../src/base/errors.ts';
import { parseConfig } from '../../src/format/config/config.ts';
import { Q4_K } from '../../src/format/gguf/blocks/k-quants.ts';
import type { TensorEntry } from '../../src/format/tensors/safetensors.ts';
import { checkTensors, expectedTensors, HEAD, parameterCount } from '../../src/weights/tensors.ts';
import { refused } from '../helpers/checks/refused.ts';
import type { CheckpointTensors, CheckpointVariant } from '../helpers/files/build-checkpoint.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { entriesOf as tinyEntries, tensorsOf, tinyConfig } from '../helpers/models/tiny-model.ts';

const VARIANTS: readonly CheckpointVariant[] = [...LLAMA_VARIANTS, ...MECHANISM_VARIANTS];

/** A missing or foreign tensor may also say that it is another mechanism than the config's. */
const CODES: readonly TpaErrorCode[] = ['MODEL_MISMATCH', 'MODEL_UNSUPPORTED', 'CONFIG_INVALID'];

/** Checks the header of a checkpoint as loading does. */
function open(config: object, entries: ReadonlyMap<string, TensorEntry>) {
  return checkTensors(parseConfig(config, entries), entries);
}

function entriesOf(tensors: CheckpointTensors): Map<string, TensorEntry> {
  return new Map([...tensors].map(([name, { shape }]) => [name, entry(name, shape)]));
}

function entry(name: string, shape: readonly number[], dtype = 'F32'): TensorEntry {
  const byteLength = 4 * shape.reduce((product, n) => product * n, 1);
  return { name, dtype, shape: [...shape], offset: 0, byteLength };
}

const test = suite('checkTensors()');

for (const { name, config, build } of VARIANTS) {
  const { tensors } = build();
  const entries = entriesOf(tensors);
  const parsed = parseConfig(config, entries);

  test(`${name}: all of its tensors are expected, none is left over`, () => {
    assert.equal(open(config, entries).extras, []);
    const names = expectedTensors(parsed).map((tensor) => tensor.name);
    const tied = parsed.isTied && entries.has(HEAD) ? [HEAD] : [];
    assert.equal([...names, ...tied].toSorted(), [...entries.keys()].toSorted());
    const numbers = [...tensors].filter(([tensor]) => names.includes(tensor));
    assert.is(
      parameterCount(parsed),
      numbers.reduce((sum, [, { values }]) => sum + values.length, 0),
    );
  });

  test(`${name}: each tensor dropped, resized, transposed, reshaped or retyped is refused`, async () => {
    for (const [tensor, { shape }] of entries) {
      const mutants = [
        ...(tensor === HEAD ? [] : [undefined]),
        entry(tensor, [shape[0]! + 1, ...shape.slice(1)]),
        entry(tensor, [shape[0]! - 1, ...shape.slice(1)]),
        entry(tensor, [...shape, 1]),
        entry(tensor, []),
        ...['I32', 'F64', 'I8', 'BOOL', 'F8_E4M3'].map((dtype) => entry(tensor, shape, dtype)),
        entry(tensor, shape.length > 1 ? [shape[0]! * shape[1]!] : [1, shape[0]!]),
        ...(shape.length === 2 && shape[0] !== shape[1] ? [entry(tensor, shape.toReversed())] : []),
      ];
      for (const mutant of mutants) {
        const changed = new Map(entries);
        if (mutant) changed.set(tensor, mutant);
        else changed.delete(tensor);
        const label = `${tensor} ${mutant?.dtype} ${mutant?.shape}`;
        await refused(() => open(config, changed), CODES, label);
        const check = () => checkTensors(parsed, changed);
        const { data } = await refused(check, 'MODEL_MISMATCH', label, { tensor });
        assert.ok(data['expected'] && data['found'], label);
      }
    }
  });

  test(`${name}: each two tensors of different shape swapped are refused`, async () => {
    const all = [...entries].filter(([tensor]) => !/\.1\./.test(tensor)); // layers are alike
    for (const [nameA, a] of all) {
      for (const [nameB, b] of all) {
        if (nameA >= nameB || String(a.shape) === String(b.shape)) continue;
        const swapped = new Map(entries)
          .set(nameA, { ...b, name: nameA })
          .set(nameB, { ...a, name: nameB });
        await refused(() => open(config, swapped), CODES, `${nameA} ${nameB}`);
      }
    }
  });

  test(`${name}: a layer's parameter that the configuration has no use for is refused by name`, async () => {
    const parameters =
      parsed.layout === 'llama'
        ? ['q_proj.bias', 'o_proj.bias', 'q_norm.weight', 'k_norm.weight'].map(
            (part) => `model.layers.1.self_attn.${part}`,
          )
        : ['c_proj.bias', 'subln.weight', 'kv_b_proj.weight', 'c_qkv.A_k', 'c_k.bias'].map(
            (part) => `transformer.h.1.attn.${part}`,
          );
    for (const extra of parameters.filter((parameter) => !entries.has(parameter))) {
      const more = new Map(entries).set(extra, entry(extra, [1]));
      const error = await refused(() => open(config, more), CODES, extra);
      assert.ok(error.message.includes(extra), error.message);
    }
  });
}

test('a missing tensor is named with what was expected, in any layer', async () => {
  for (const [variant, tensor, expected] of [
    [llamaVariant('qwen3'), 'model.layers.1.self_attn.k_norm.weight', '['],
    [llamaVariant('llama-untied'), 'lm_head.weight', '['],
    [llamaVariant('llama-mlp-bias'), 'model.layers.1.mlp.down_proj.bias', '['],
    [mechanismVariant('mla'), 'transformer.h.1.attn.kv_b_proj.weight', '['],
  ] as const) {
    const entries = entriesOf(variant.build().tensors);
    entries.delete(tensor);
    const error = await refused(() => open(variant.config, entries), 'MODEL_MISMATCH', tensor);
    assert.is(error.data['tensor'], tensor);
    assert.ok(String(error.data['expected']).startsWith(expected));
    assert.is(error.data['found'], 'none');
  }
});

test('accepts blocks where a matrix is expected, refuses them for vectors', async () => {
  const { config, build } = llamaVariant('qwen3');
  const entries = entriesOf(build().tensors);
  const parsed = parseConfig(config, entries);
  for (const [name, { shape }] of entries) {
    const changed = new Map(entries);
    changed.set(name, { ...entry(name, shape, 'Q4_K'), blockType: Q4_K });
    if (shape.length > 1) {
      assert.equal(checkTensors(parsed, changed), { extras: [] });
    } else {
      const data = { tensor: name, expected: 'F32, F16 or BF16', found: 'Q4_K' };
      await refused(() => checkTensors(parsed, changed), 'MODEL_MISMATCH', name, data);
    }
  }
});

test('accepts the model itself, 16-bit dtypes, the tied head; lists other extras', () => {
  const config = tinyConfig();
  const tensors = tensorsOf(config).map((tensor) => ({ ...tensor, dtype: 'BF16' as const }));
  const extra = { name: 'greedy_exact', shape: [3], data: [1, 2, 3] };
  const head = { name: 'lm_head.weight', shape: [11, 6], data: new Float32Array(66) };
  assert.equal(checkTensors(config, tinyEntries(tensors)), { extras: [] });
  assert.equal(checkTensors(config, tinyEntries([...tensors, head, extra])), {
    extras: ['greedy_exact'],
  });
});

test('W7 refuses a head unlike the embedding and layer weights the config has no use for', async () => {
  const config = tinyConfig({ using_groupnorm: false });
  const entries = tinyEntries(tensorsOf(config));
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

test.run();
