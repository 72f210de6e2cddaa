import * as assert from 'uvu/assert';
import { COUNTS, kernelSuite, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import type { Misalignment } from '../helpers/kernels/memory.ts';
import { hash } from '../reference/hash.ts';

/** The first value of the state. */
const SEED = Uint32Array.from({ length: 16 }, (_, i) => Math.imul(i + 1, 0x9e3779b9));

const bitsOf = (x: Float32Array) => new Uint32Array(x.buffer);

await kernelSuite('hash(), hashEnd()', ({ test, kernels, guard }) => {
  const random = createRandom(12);

  /** The hash of x in pieces that end where `cuts` says. */
  function hashOf(
    x: Uint32Array,
    options: { cuts?: number[]; seed?: Uint32Array; misalignment?: Misalignment } = {},
  ): Uint32Array {
    const { cuts = [], seed = SEED, misalignment = 0 } = options;
    const guarded = guard();
    const state = guarded.regionOf('state', Int32Array.of(...seed, 0, 0, 0, 0), misalignment);
    const from = guarded.regionOf('x', new Int32Array(x.slice().buffer), misalignment);
    let first = 0;
    for (const end of [...cuts, x.length]) {
      kernels.hash(state.pointer, from.pointer + first * 4, first, end - first);
      first = end;
    }
    kernels.hashEnd(state.pointer, x.length);
    guarded.assertCanaries();
    assert.equal(bitsOf(guarded.read(from)), x);
    const left = bitsOf(guarded.read(state));
    assert.equal(left.slice(16), new Uint32Array(4), 'the zeros are left');
    return left.slice(12, 16);
  }

  test('is that of the twin, bit for bit, whatever the count, alignment and seed', () => {
    for (const count of [0, ...COUNTS]) {
      const x = bitsOf(random.normal(count));
      for (const misalignment of MISALIGNMENTS) {
        assert.equal(hashOf(x, { misalignment }), hash(x, SEED), `${count} numbers`);
      }
      assert.equal(hashOf(x, { seed: new Uint32Array(16) }), hash(x), `${count} numbers, no seed`);
    }
  });

  test('does not see where pieces end, nor empty ones', () => {
    const x = bitsOf(random.normal(67));
    const whole = hashOf(x);
    for (let at = 0; at <= x.length; at++) assert.equal(hashOf(x, { cuts: [at, at] }), whole);
    for (let run = 0; run < 50; run++) {
      const cuts = Array.from({ length: 12 }, () => random.integer(0, x.length));
      assert.equal(hashOf(x, { cuts: cuts.toSorted((a, b) => a - b) }), whole);
    }
  });

  test('every flipped bit and every swap of numbers or of blocks gives another', () => {
    for (const count of [1, 5, 67]) {
      const x = bitsOf(random.normal(count));
      const seen = new Set([String(hashOf(x))]);
      const add = (change: (changed: Uint32Array) => void) => {
        const changed = x.slice();
        change(changed);
        const found = String(hashOf(changed));
        assert.not.ok(seen.has(found), `${count} numbers: two contents of one hash`);
        seen.add(found);
      };
      for (let bit = 0; bit < count * 32; bit++) add((y) => (y[bit >> 5]! ^= 1 << (bit & 31)));
      for (const size of [1, 4]) {
        for (let a = 0; a + size <= count; a += size) {
          for (let b = a + size; b + size <= count; b += size) {
            add((y) => {
              y.set(x.subarray(b, b + size), a);
              y.set(x.subarray(a, a + size), b);
            });
          }
        }
      }
    }
  });

  test('zeros of other counts have other hashes', () => {
    for (const seed of [SEED, new Uint32Array(16)]) {
      const all = Array.from({ length: 200 }, (_, n) =>
        String(hashOf(new Uint32Array(n), { seed })),
      );
      assert.is(new Set(all).size, all.length);
    }
  });
});
