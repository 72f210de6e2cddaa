import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/format/config/config.ts';
import { layerTensors, listTensors, type Piece } from '../../src/weights/layer-tensors.ts';
import { entriesOf, tinyConfig } from '../helpers/models/tiny-model.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';

const test = suite('layerTensors()');

test('TPA: a part for every tensor of the paper, factors of a side by side in one projection', () => {
  const { projection, output, groupNorm, gate, up, down } = layerTensors(tinyConfig(), 1);
  const attention = 'transformer.h.1.attn';
  const tensors = projection.map(({ name, shape, at }) => [name, shape, at]);
  assert.equal(tensors, [
    [`${attention}.c_qkv.W_A_q.weight`, [9, 6], 0],
    [`${attention}.c_qkv.W_B_q.weight`, [12, 6], 9],
    [`${attention}.c_qkv.W_A_k.weight`, [6, 6], 21],
    [`${attention}.c_qkv.W_B_k.weight`, [8, 6], 27],
    [`${attention}.c_qkv.W_A_v.weight`, [6, 6], 35],
    [`${attention}.c_qkv.W_B_v.weight`, [8, 6], 41],
  ]);
  const mlp = 'transformer.h.1.mlp';
  assert.equal(
    [output, groupNorm, gate, up, down],
    [
      { name: `${attention}.c_proj.weight`, shape: [6, 12] },
      { name: `${attention}.subln.weight`, shape: [4] },
      { name: `${mlp}.c_fc1.weight`, shape: [16, 6] },
      { name: `${mlp}.c_fc2.weight`, shape: [16, 6] },
      { name: `${mlp}.c_proj.weight`, shape: [6, 16] },
    ],
  );
});

for (const { name, config: json, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  test(`${name}: every tensor of a layer has one part, and every row of the projection one tensor`, () => {
    const stored = [...build().tensors].map(([of, { shape, values }]) => ({
      name: of,
      shape,
      data: values,
    }));
    const config = parseConfig(json, entriesOf(stored));
    for (let layer = 0; layer < config.layers; layer++) {
      const tensors = layerTensors(config, layer);
      const listed = listTensors(tensors).map(({ name: of, shape }) => `${of} ${shape}`);
      const inLayer = stored.filter((tensor) => tensor.name.includes(`.${layer}.`));
      assert.equal(
        listed.toSorted(),
        inLayer.map((tensor) => `${tensor.name} ${tensor.shape}`).toSorted(),
      );
      for (const pieces of [tensors.projection, tensors.projectionBias]) {
        const rows = pieces.flatMap(rowsOf).toSorted((a, b) => a - b);
        assert.equal(rows, [...rows.keys()]);
      }
    }
  });
}

test.run();

/** Where the rows of a tensor go in the weight that it is part of. */
function rowsOf({ shape, at, block, step = 0 }: Piece): number[] {
  const [rows] = shape as [number];
  const length = block ?? rows;
  return Array.from({ length: rows }, (_, row) => {
    return at + Math.floor(row / length) * step + (row % length);
  });
}
