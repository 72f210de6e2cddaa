import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileKernels, createEngine, type EngineOptions } from '../../src/wasm/engine.ts';
import { MAX_MEMORY, WASM_PAGE } from '../../src/wasm/heap.ts';
import { instantiateShared } from '../../src/wasm/instantiate-shared.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { withGlobals } from '../helpers/fakes/globals.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';

const GIB = 2 ** 30;
const BASELINE = Uint8Array.from(
  readFileSync(new URL('../../dist/wasm/tpa-baseline.wasm', import.meta.url)),
);

/** An engine of which workers are to have the memory. */
const createShared = async (options: EngineOptions = { simd: 'baseline' }) =>
  createEngine(options, await compileKernels(options, { isShared: true }));

/** Asserts that the engine computes in a plain memory of `limit` bytes, and why. */
async function assertPlain(reason: RegExp, options?: EngineOptions, limit = MAX_MEMORY) {
  const { heap, kernels, run, shared, unsharedReason } = await createShared(options);
  assert.is(shared, undefined);
  assert.match(unsharedReason!, reason);
  assert.not.match(unsharedReason!, /\n/);
  assert.instance(heap.bytes(0, 1).buffer, ArrayBuffer);
  assert.is(heap.limit, limit);
  assert.is(
    run(() => kernels.isFinite(heap.allocate(64), 16)),
    1,
  );
}

type Make = (descriptor: WebAssembly.MemoryDescriptor) => WebAssembly.Memory;

/** Runs `work` where shared memories are made as `make` says. */
const withShared = <T>(make: Make, work: () => Promise<T>): Promise<T> => {
  const { Memory } = WebAssembly;
  const Fake = function (descriptor: WebAssembly.MemoryDescriptor) {
    return descriptor.shared === true ? make(descriptor) : new Memory(descriptor);
  };
  return withGlobals(
    { WebAssembly: Object.create(WebAssembly, { Memory: { value: Fake } }) },
    work,
  );
};

const { Memory } = WebAssembly;

/** Engines that claim to share memories, and what is found out about each. */
const LIARS: readonly (readonly [Make, RegExp])[] = [
  [({ initial, maximum }) => new Memory({ initial, maximum: maximum! }), /not a SharedArrayBuffer/],
  [
    (descriptor) => Object.assign(new Memory(descriptor), { grow: () => 1 }),
    /does not grow in every thread/,
  ],
  [
    (descriptor) =>
      Object.assign(new Memory(descriptor), {
        grow: () => {
          throw new RangeError('failed to grow memory');
        },
      }),
    /shares no memory: failed to grow memory/,
  ],
  [
    () => {
      throw new TypeError('shared memory is disabled');
    },
    /shares no memory: shared memory is disabled/,
  ],
];

/** `structuredClone` of a page that is not isolated. */
const keepMemory = (): never => {
  throw new DOMException('SharedArrayBuffer transfer requires isolation', 'DataCloneError');
};

const test = suite('createEngine() with a shared memory');

for (const simd of BINARIES) {
  test(`the ${simd} kernels of any thread compute in one memory, which grows for all`, async () => {
    const { heap, kernels, run, shared, unsharedReason } = await createShared({ simd });
    assert.is(unsharedReason, undefined);
    assert.instance(heap.bytes(0, 1).buffer, SharedArrayBuffer);
    assert.is(heap.limit, MAX_MEMORY);
    const others = instantiateShared(structuredClone(shared!));
    assert.is(others.heapBase(), kernels.heapBase());
    const large = heap.allocate(3 << 20);
    heap.floats(large + (2 << 20), 1)[0] = NaN;
    for (const { isFinite } of [kernels, others]) {
      assert.is(
        run(() => isFinite(large, (3 << 20) / 4)),
        0,
      );
    }
  });
}

test('memoryLimit is the maximum of a shared memory too', async () => {
  const { heap, shared } = await createShared({ simd: 'baseline', memoryLimit: 1 << 20 });
  assert.ok(shared);
  assert.is(heap.limit, 1 << 20);
  heap.allocate(900_000);
  await refused(() => heap.allocate(200_000), 'OUT_OF_MEMORY');
  assert.throws(() => shared.memory.grow(1));
});

test('engines have memories of their own; none is shared unless it is asked for', async () => {
  const options = { simd: 'baseline' } as const;
  const kernels = await compileKernels(options, { isShared: true });
  const [one, two] = [await createEngine(options, kernels), await createEngine(options, kernels)];
  assert.is.not(one.shared!.memory, two.shared!.memory);
  const plain = await createEngine(options);
  assert.equal([plain.shared, plain.unsharedReason], [undefined, undefined]);
  assert.instance(plain.heap.bytes(0, 1).buffer, ArrayBuffer);
});

test('bytes, a response and an address can be shared, a module cannot', async () => {
  const simd = 'baseline';
  const data = `data:application/wasm;base64,${Buffer.from(BASELINE).toString('base64')}`;
  const view = new DataView(Uint8Array.of(0, ...BASELINE).buffer, 1);
  for (const wasm of [BASELINE, BASELINE.buffer, view, new Response(BASELINE), new URL(data)]) {
    assert.ok((await createShared({ simd, wasm })).shared);
  }
  const wasm = await WebAssembly.compile(BASELINE);
  await assertPlain(/compiled already cannot share a memory; give "wasm" as/, { simd, wasm });
  const response = new Response(withoutMaximum(BASELINE));
  await assertPlain(/"wasm" has kernels that cannot share/, { simd, wasm: response });
});

test('a memory smaller than memoryLimit is not taken unasked: the reason names one that can be had', async () => {
  const asked: number[] = [];
  for (const [most, cure] of [
    [2 * GIB, '; a "memoryLimit" of 2147450880 can be shared'],
    [GIB / 4, '; a "memoryLimit" of 268431360 can be shared'],
    [GIB / 8, ''],
  ] as const) {
    const make: Make = (descriptor) => {
      asked.push(descriptor.maximum!);
      if (descriptor.maximum! * WASM_PAGE > most) throw new RangeError('too large');
      return new Memory(descriptor);
    };
    await withShared(make, async () => {
      await assertPlain(new RegExp(`^the engine shares no memory: too large${cure}$`));
      const memoryLimit = Number(/\d+/.exec(cure)?.[0] ?? GIB / 8);
      const { heap, shared } = await createShared({ simd: 'baseline', memoryLimit });
      assert.ok(shared);
      assert.is(heap.limit, Math.floor(memoryLimit / WASM_PAGE) * WASM_PAGE);
    });
  }
  assert.equal(asked.slice(-6), [65535, 32767, 16383, 8191, 4095, 2048]);
});

test('a memory that is not what it says falls back, and says why', async () => {
  for (const [make, reason] of LIARS) await withShared(make, () => assertPlain(reason));
  await withGlobals({ structuredClone: () => new Memory({ initial: 1 }) }, () =>
    assertPlain(/does not grow in every thread/),
  );
});

test('a memory that may not leave its thread falls back, with the headers that a page lacks', async () => {
  const reason = /shares no memory: SharedArrayBuffer transfer requires/;
  await withGlobals({ structuredClone: keepMemory }, () => assertPlain(reason));
  await withGlobals({ structuredClone: keepMemory, crossOriginIsolated: true }, () =>
    assertPlain(reason),
  );
  await withGlobals({ structuredClone: keepMemory, crossOriginIsolated: false }, () =>
    assertPlain(/not cross-origin isolated: .*Opener-Policy: same-origin.*Embedder-Policy/),
  );
});

test('what is refused without a shared memory is refused as before', async () => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  // (module (import "" "" (memory 1 2)))
  const other = Uint8Array.of(...empty, ...Buffer.from('020801000002010102', 'hex'));
  for (const wasm of [empty, other, BASELINE.subarray(0, 2000)]) {
    await refused(() => createShared({ simd: 'baseline', wasm }), 'WASM_BLOCKED');
  }
  await assertMistakes([
    [() => createShared({ memoryLimit: 1 }), RangeError, /^"memoryLimit" expected/],
    [() => createShared({ wasm: BASELINE }), TypeError, /^"simd" expected "baseline" or/],
  ]);
});

test.run();

/** Kernels as they were before their memory had a maximum. */
function withoutMaximum(binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const hex = Buffer.from(binary).toString('hex');
  const [limited, unlimited] = ['0212010303', '020f010303'].map((start, i) => {
    const names = `${Buffer.from('env').toString('hex')}06${Buffer.from('memory').toString('hex')}`;
    return `${start.slice(0, 6)}03${names}02${['0101ffff03', '0001'][i]}`;
  }) as [string, string];
  assert.ok(hex.includes(limited));
  return Uint8Array.from(Buffer.from(hex.replace(limited, unlimited), 'hex'));
}
