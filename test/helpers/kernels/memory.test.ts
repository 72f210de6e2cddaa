import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createGuardedMemory, type Misalignment } from './memory.ts';

const test = suite('createGuardedMemory()');
const BASE = 1000;
const setUp = () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  return { memory, guarded: createGuardedMemory({ memory, base: BASE }) };
};

test('regions start at the chosen misalignment, past the base, 128 bytes or more apart', () => {
  const { guarded } = setUp();
  let end = BASE - 64;
  for (const misalignment of [0, 4, 12, 0, 8] as Misalignment[]) {
    const { pointer, length } = guarded.region('x', 5, misalignment);
    assert.is(pointer % 16, misalignment);
    assert.is(length, 5);
    assert.ok(pointer - end >= 128);
    end = pointer + length * 4;
  }
});

test('assertCanaries() names the region and the byte of a write on either side', () => {
  for (const [offset, message] of [
    [-4, /before "y" changed at byte 60/],
    [-64, /before "y" changed at byte 0/],
    [20, /after "y" changed at byte 0/],
    [20 + 63, /after "y" changed at byte 60/],
  ] as const) {
    const { memory, guarded } = setUp();
    guarded.region('x', 5);
    const { pointer } = guarded.region('y', 5, 4);
    guarded.region('z', 5);
    guarded.assertCanaries();
    new Uint8Array(memory.buffer)[pointer + offset]! ^= 1;
    assert.throws(() => guarded.assertCanaries(), message);
  }
});

test('writes inside the regions leave the canaries alone, also after the memory has grown', () => {
  const { memory, guarded } = setUp();
  const regions = [guarded.region('x', 5, 4), guarded.region('y', 1, 12)];
  assert.ok(guarded.read(regions[0]!).every(Number.isNaN));
  memory.grow(1);
  for (const region of regions) guarded.write(region, new Float32Array(region.length).fill(8));
  assert.equal(guarded.read(regions[1]!), new Float32Array([8]));
  guarded.assertCanaries();
});

test.run();
