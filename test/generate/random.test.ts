import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRandom, Random, randomSeed } from '../../src/generate/random.ts';

const test = suite('createRandom()');

/** The same generator written with BigInt, so that no 32-bit trick is shared. */
function reference(seed: bigint): () => number {
  const M = 0xffffffffn;
  let state = seed & M;
  const expand = (): bigint => {
    state = (state + 0x9e3779b9n) & M;
    let z = ((state ^ (state >> 16n)) * 0x21f0aaadn) & M;
    z = ((z ^ (z >> 15n)) * 0x735a2d97n) & M;
    return z ^ (z >> 15n);
  };
  let a = expand() ^ (seed >> 32n);
  let b = expand();
  let c = expand();
  let counter = 1n;
  const next32 = (): bigint => {
    const out = (a + b + counter) & M;
    counter = (counter + 1n) & M;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & M;
    c = ((((c << 21n) | (c >> 11n)) & M) + out) & M;
    return out;
  };
  for (let i = 0; i < 15; i++) next32();
  return () => Number(((next32() >> 5n) << 26n) + (next32() >> 6n)) / 2 ** 53;
}

test('equals the BigInt reference for 1,000 numbers of 6 seeds', () => {
  for (const seed of [0, 1, 7, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
    const random = createRandom(seed);
    const expected = reference(BigInt(seed));
    for (let i = 0; i < 1000; i++) assert.is(random.next(), expected());
  }
});

test('first outputs never change between versions', () => {
  const random = createRandom(7);
  assert.equal(
    [random.next(), random.next(), random.next()],
    [0.3648865962898764, 0.8643882735513703, 0.87225978177845],
  );
});

test('state: a generator made from it gives the numbers that follow, and neither moves the other', () => {
  for (const draws of [0, 1, 2, 1000]) {
    const random = createRandom(7);
    for (let i = 0; i < draws; i++) random.next();
    const saved = random.state;
    assert.equal([saved.length, saved.BYTES_PER_ELEMENT], [4, 4]);
    const following = Array.from({ length: 9 }, () => random.next());
    const restored = new Random(saved);
    assert.equal(
      Array.from(following, () => restored.next()),
      following,
      `after ${draws}`,
    );
    assert.equal(restored.state, random.state);
    assert.equal(new Random(saved).next(), following[0], 'what was saved is unchanged');
  }
});

test('mean and variance of 100,000 numbers are those of a uniform [0, 1) within 5 sigma', () => {
  const random = createRandom(1);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < 100_000; i++) {
    const x = random.next();
    assert.ok(x >= 0 && x < 1);
    sum += x;
    squares += (x - 0.5) ** 2;
  }
  assert.ok(Math.abs(sum / 1e5 - 0.5) < 5 * Math.sqrt(1 / 12 / 1e5));
  assert.ok(Math.abs(squares / 1e5 - 1 / 12) < 5 * Math.sqrt(1 / 180 / 1e5));
});

test('seeds that differ in one bit, low or high, share no output', () => {
  const firsts = Array.from({ length: 53 }, (_, bit) => createRandom(2 ** bit).next());
  assert.is(new Set([...firsts, createRandom(0).next()]).size, 54);
});

test('randomSeed() is a 32-bit integer and varies', () => {
  const seeds = Array.from({ length: 8 }, randomSeed);
  assert.ok(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32));
  assert.ok(new Set(seeds).size > 1);
});

test.run();
