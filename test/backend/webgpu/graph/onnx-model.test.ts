import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeModel, floatValue } from '../../../../src/backend/webgpu/graph/onnx-model.ts';
import { openSession } from '../../../../bench/peers/ort.ts';

const test = suite('encodeModel()');

test('an empty graph is these bytes of the protobuf encoding', () => {
  const bytes = encodeModel({ inputs: [], outputs: [], nodes: [] });
  assert.is(
    Buffer.from(bytes).toString('hex'),
    // ir_version 8 · opset_import {'', 17} · opset_import {'com.microsoft', 1} · graph {name 'tpa'}
    '0808' +
      '42040a001011' +
      `42110a0d${Buffer.from('com.microsoft').toString('hex')}1001` +
      `3a051203${Buffer.from('tpa').toString('hex')}`,
  );
});

test('lengths from 128 on and negative attributes are read back by onnxruntime', async () => {
  // 32 floats are 128 bytes, the first length of two digits.
  const weights = Float32Array.from({ length: 32 }, (_, i) => i);
  const session = await openSession({
    inputs: [floatValue('x', 'N', 1)],
    outputs: [floatValue('y', 'N', 32)],
    initializers: [{ name: 'w', data: weights, dims: [1, 32] }],
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['scaled'] },
      { op: 'Softmax', inputs: ['scaled'], outputs: ['y'], attributes: { axis: -1 } },
    ],
  });
  const peer = session.bind('softmax', { x: { data: Float32Array.of(0, 1), dims: [2, 1] } });
  assert.throws(() => peer.output(), /"softmax" has not run/);
  await peer.run();
  const output = peer.output();
  await session.release();
  assert.is(output.length, 64);
  assert.ok(Math.abs(output[0]! - 1 / 32) < 1e-9);
  assert.ok(Math.abs(output[63]! - (1 - Math.exp(-1))) < 1e-6);
});

test.run();
