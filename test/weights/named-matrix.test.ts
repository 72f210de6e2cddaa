import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NamedMatrix, namedMatrices } from '../../src/weights/named-matrix.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';

const test = suite('namedMatrices()');

// test/backend/webgpu/graph/step-graph.test.ts computes with the names, shapes and numbers
for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  test(`${name}: pieces of each matrix make the whole, whatever the bytes of a piece`, async () => {
    const { compute, config, weights } = (await openCpuModel(build().source)).backend.network;
    const { used } = compute.heap;
    const whole = namedMatrices(compute, config, weights);
    const column = Math.max(...whole.map(({ dims }) => 4 * rowsOf(dims)));
    for (const maxBytes of [column, column + 4, 5 * column, 60 * column]) {
      const pieces = namedMatrices(compute, config, weights, maxBytes);
      for (const matrix of whole) {
        const values = join(pieces, matrix.name, matrix.dims, maxBytes);
        assertSame(values, matrix.read(), `${matrix.name} in ${maxBytes} bytes`);
      }
      assert.is(pieces.reduce(countNumbers, 0), whole.reduce(countNumbers, 0));
    }
    assert.is(compute.heap.used, used);
  });
}

test('nothing is unpacked before read(), and a piece reads its own columns only', async () => {
  const { source, tensors } = mechanismVariant('tpa').build();
  const unpacked: { first: number; columns: number }[] = [];
  const { backend } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
    unpack: (...args) => {
      unpacked.push({ first: args[2], columns: args[3] });
      kernels.unpack(...args);
    },
  }));
  const { compute, config, weights } = backend.network;
  const { allocate } = compute.heap;
  let allocated = 0;
  compute.heap.allocate = (bytes) => {
    allocated++;
    return allocate.call(compute.heap, bytes);
  };
  const matrices = namedMatrices(compute, config, weights, 4 * config.dim * 50);
  assert.equal([unpacked.length, allocated], [0, 0]);
  const heads = matrices.filter((matrix) => matrix.name.startsWith('head'));
  assert.equal(
    heads.map(({ name, dims }) => [name, ...dims]),
    [
      ['head.0', 40, 48],
      ['head.1', 40, 13],
    ],
  );
  const last = heads[1]!.read();
  assert.equal(unpacked, [{ first: 48, columns: 13 }]);
  assert.equal(heads[1]!.read(), last);
  assert.is.not(heads[1]!.read(), last);
  assert.is(last[0], tensors.get('transformer.wte.weight')!.values[48 * 40]);
});

test('an output that is larger than a matrix may be is refused', async () => {
  const { source } = mechanismVariant('tpa').build();
  const { compute, config, weights } = (await openCpuModel(source)).backend.network;
  for (const maxBytes of [0, 4 * config.dim - 1, NaN]) {
    assert.throws(() => namedMatrices(compute, config, weights, maxBytes), /"maxBytes" expected/);
  }
});

test.run();

/** What the pieces of a matrix make beside each other; fails unless they are as promised. */
function join(
  pieces: readonly NamedMatrix[],
  name: string,
  dims: readonly number[],
  maxBytes: number,
): Float32Array {
  const uncut = pieces.find((piece) => piece.name === name);
  if (uncut !== undefined) {
    assert.equal(uncut.dims, dims);
    return uncut.read();
  }
  const mine = pieces.filter(
    (piece) => piece.name.startsWith(`${name}.`) && /\.\d+$/.test(piece.name),
  );
  assert.ok(mine.length > 1, name);
  const rows = rowsOf(dims);
  const outputs = dims.at(-1)!;
  const out = new Float32Array(rows * outputs);
  let from = 0;
  for (const [i, piece] of mine.entries()) {
    assert.is(piece.name, `${name}.${i}`);
    const width = piece.dims.at(-1)!;
    assert.equal(piece.dims, [...dims.slice(0, -1), width]);
    assert.ok(4 * rows * width <= maxBytes, `${piece.name}: ${width} outputs`);
    if (i < mine.length - 1) assert.is(width, mine[0]!.dims.at(-1));
    if (width >= 48 && i < mine.length - 1) assert.is(width % 48, 0);
    const values = piece.read();
    assert.is(values.length, rows * width);
    for (let row = 0; row < rows; row++) {
      out.set(values.subarray(row * width, (row + 1) * width), row * outputs + from);
    }
    from += width;
  }
  assert.is(from, outputs);
  return out;
}

/** Numbers of one output; vectors are rows. */
function rowsOf(dims: readonly number[]): number {
  return dims.slice(0, -1).reduce((product, length) => product * length, 1);
}

function countNumbers(sum: number, { dims }: NamedMatrix): number {
  return sum + dims.reduce((product, length) => product * length, 1);
}
