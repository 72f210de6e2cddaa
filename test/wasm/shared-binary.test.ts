import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shareBinary } from '../../src/wasm/shared-binary.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';

const SEED = 16;

const binaryOf = (simd: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(new URL(`../../dist/wasm/tpa-${simd}.wasm`, import.meta.url)));

/** A module of these sections, each written in hex with its id and length. */
const moduleOf = (...sections: readonly string[]): Uint8Array =>
  Uint8Array.from(Buffer.from(`0061736d01000000${sections.join('')}`.replaceAll(' ', ''), 'hex'));

/** Places at which two binaries of one length differ. */
const changes = (a: Uint8Array, b: Uint8Array): number[] =>
  Array.from(a.keys()).filter((at) => a[at] !== b[at]);

const link = (binary: Uint8Array<ArrayBuffer>, descriptor: WebAssembly.MemoryDescriptor) =>
  new WebAssembly.Instance(new WebAssembly.Module(binary), {
    env: { memory: new WebAssembly.Memory(descriptor) },
  });

const test = suite('shareBinary()');

for (const simd of BINARIES) {
  test(`of the ${simd} kernels changes one byte, in a copy, and they link with a shared memory alone`, () => {
    const binary = binaryOf(simd);
    const before = binary.slice();
    const shared = shareBinary(binary)!;
    assert.equal(binary, before);
    assert.is(shared.length, binary.length);
    const [at, ...more] = changes(shared, binary);
    assert.equal([binary[at!], shared[at!], more], [1, 3, []]);
    for (const maximum of [1, 16, 65535]) {
      link(binary, { initial: 1, maximum });
      link(shared, { initial: 1, maximum, shared: true });
      assert.throws(() => link(shared, { initial: 1, maximum }), /shared/);
      assert.throws(() => link(binary, { initial: 1, maximum, shared: true }), /shared/);
    }
  });

  test(`of a part of the ${simd} kernels, or of changed ones, changes one byte or gives nothing`, () => {
    const binary = binaryOf(simd).subarray(0, 1000);
    let found = 0;
    const check = (odd: Uint8Array) => {
      const shared = shareBinary(odd);
      if (shared === undefined) return;
      found++;
      assert.is(changes(shared, odd).length, 1);
    };
    for (let length = 0; length <= binary.length; length++) check(binary.subarray(0, length));
    assert.ok(found > 0 && found < binary.length);
    fc.assert(
      fc.property(fc.nat(binary.length - 1), fc.nat(255), (at, byte) => {
        check(binary.map((old, i) => (i === at ? byte : old)));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
}

test('finds the memory behind other sections and other imports', () => {
  const custom = '00 03 01 61 00';
  const types = '01 04 01 60 00 00';
  // (func) (table 1 2 funcref) (table 0 funcref) (global (mut i32)), then (memory 1 2)
  const others = '01 61 01 62 00 00  01 61 01 63 01 70 01 01 02  01 61 01 64 01 70 00 00';
  const imports = `${others}  01 61 01 65 03 7f 01  00 00 02 01 01 02`;
  const length = (imports.replaceAll(' ', '').length / 2 + 1).toString(16);
  const binary = moduleOf(custom, types, `02 ${length} 05 ${imports}`);
  const at = binary.length - 3;
  assert.equal(changes(shareBinary(binary)!, binary), [at]);
  assert.ok(WebAssembly.validate(Uint8Array.from(shareBinary(binary)!)));
});

test('gives nothing for a binary that imports no memory, or none that can be shared', () => {
  const HUGE = 'ff ff ff ff 0f';
  for (const [what, binary] of Object.entries({
    'no bytes': new Uint8Array(),
    'no sections': moduleOf(),
    'no imports': moduleOf('02 01 00'),
    'a function alone': moduleOf('02 07 01 01 61 01 62 00 00'),
    'a memory of its own': moduleOf('05 04 01 01 01 02'),
    'no maximum': moduleOf('02 07 01 00 00 02 00 01'),
    'shared already': moduleOf('02 08 01 00 00 02 03 01 02'),
    '64 bits': moduleOf('02 08 01 00 00 02 05 01 02'),
    'an unknown kind': moduleOf('02 08 01 00 00 09 01 01 02'),
    'a name that never ends': moduleOf(`02 0c 01 ${HUGE} 00 02 01 01 02`),
    'imports that never end': moduleOf(`02 05 ${HUGE}`),
    'a section that never ends': moduleOf(`00 ${HUGE} 02 08 01 00 00 02 01 01 02`),
    'a number that never ends': moduleOf(`02 ${'ff '.repeat(40)}`),
    'an end before the limits': moduleOf('02 08 01 00 00 02'),
  })) {
    assert.is(shareBinary(binary), undefined, what);
  }
});

test.run();
