import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createEngine } from '../../src/wasm/engine.ts';
import { MAX_MEMORY } from '../../src/wasm/heap.ts';
import { assertMistakes, outcomeOf, refused } from '../helpers/checks/refused.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';

const test = suite('createEngine()');

for (const simd of BINARIES) {
  test(`run() turns a trap of the ${simd} kernels into KERNEL_TRAP, and they still work`, async () => {
    const { kernels, heap, run } = await createEngine({ simd });
    const beyond = 2 ** 32 - 65536;
    for (const trap of [
      () => kernels.isFinite(beyond, 16),
      () => kernels.matmul(beyond, 64, 64, 1, 1, 16, 16, 1, false, 0, 1),
      () => kernels.tpaDecode(64, 64, 64, 64, 64, beyond, 64, 1, 1, 1, 0, 1),
    ]) {
      const { cause } = await refused(() => run(trap), 'KERNEL_TRAP');
      assert.instance(cause, WebAssembly.RuntimeError);
    }
    assert.is(
      run(() => kernels.isFinite(heap.allocate(64), 16)),
      1,
    );
  });
}

test('run() lets other errors through and gives back the result', async () => {
  const { run } = await createEngine();
  const mistake = new RangeError('mine');
  const fail = () => {
    throw mistake;
  };
  assert.is(await outcomeOf(() => run(fail)), mistake);
  assert.is(
    run(() => 7),
    7,
  );
});

test('memoryLimit: whole numbers from 1 MiB to 4 GiB less a page, kept to', async () => {
  const message = /^"memoryLimit" expected an integer in 1048576\.\.4294901760, got/;
  await assertMistakes(
    [0, -1, 1.5, NaN, Infinity, (1 << 20) - 1, MAX_MEMORY + 1].map((memoryLimit) => [
      () => createEngine({ memoryLimit }),
      RangeError,
      message,
    ]),
  );
  const { heap } = await createEngine({ memoryLimit: 1 << 20 });
  assert.is(heap.limit, 1 << 20);
  heap.allocate(900_000);
  await refused(() => heap.allocate(200_000), 'OUT_OF_MEMORY');
  assert.ok(heap.size <= 1 << 20);
});

test('a module that is not the kernels is WASM_BLOCKED', async () => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  // (module (import "a" "b" (func)))
  const needy = Uint8Array.of(...empty, ...Buffer.from('010401600000020701016101620000', 'hex'));
  for (const wasm of [empty, needy]) {
    await refused(() => createEngine({ simd: 'baseline', wasm }), 'WASM_BLOCKED');
  }
});

test.run();
