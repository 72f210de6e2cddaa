import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ByteSource, bytesSource } from '../../src/format/files/byte-source.ts';
import { followed, type Sink } from '../../src/download/in-order.ts';
import { createRandom } from '../helpers/checks/random.ts';

const BYTES = Uint8Array.from({ length: 3 * 2 ** 20 + 7 }, (_, i) => (i * 31) >> 7);

const test = suite('followed()');

/** A sink that remembers, and a file that counts what is read of it. */
function followedBytes(bytes: Uint8Array = BYTES) {
  const given: Uint8Array[] = [];
  let ends = 0;
  let read = 0;
  const sink: Sink = {
    async write(piece) {
      assert.is(ends, 0);
      given.push(piece.slice());
    },
    async end() {
      ends++;
    },
  };
  const inner = bytesSource('file', bytes);
  const counted: ByteSource = {
    ...inner,
    async read(offset, length) {
      read += length;
      assert.ok(length <= 2 ** 20 || length === bytes.byteLength, `${length}`);
      return inner.read(offset, length);
    },
    async readInto(offset, target) {
      read += target.byteLength;
      target.set(bytes.subarray(offset, offset + target.byteLength));
    },
  };
  const source = followed(counted, [sink]);
  return { source, given: () => Buffer.concat(given), ends: () => ends, read: () => read };
}

test('reads in order are each one read, and the sink has ended with the last', async () => {
  const { source, given, ends, read } = followedBytes();
  const target = new Uint8Array(1000);
  for (let at = 0; at < source.size;) {
    const length = Math.min(1000, source.size - at);
    if (length === 1000 && at % 2000 === 0) {
      await source.readInto!(at, target);
      assert.ok(Buffer.from(BYTES.subarray(at, at + length)).equals(target));
    } else {
      assert.ok(Buffer.from(BYTES.subarray(at, at + length)).equals(await source.read(at, length)));
    }
    at += length;
    assert.is(ends(), at === source.size ? 1 : 0);
  }
  assert.ok(given().equals(BYTES));
  assert.is(read(), source.size);
  await source.read(0, 10);
  await source.finish();
  assert.is(ends(), 1);
  assert.is(given().byteLength, source.size);
});

test('whatever is read, the sink gets every byte once and in order', async () => {
  const random = createRandom(7);
  for (let round = 0; round < 20; round++) {
    const bytes = BYTES.subarray(0, 5000);
    const { source, given, ends } = followedBytes(bytes);
    for (let i = 0; i < 10; i++) {
      const offset = random.integer(0, 5000);
      const length = random.integer(0, 5000 - offset);
      const piece = await source.read(offset, length);
      assert.ok(Buffer.from(bytes.subarray(offset, offset + length)).equals(piece));
    }
    await source.finish();
    assert.ok(given().equals(bytes));
    assert.is(ends(), 1);
  }
});

test('finish() reads the rest in pieces; not of a closed file; an empty file ends too', async () => {
  const rest = followedBytes();
  await rest.source.read(0, 8);
  await rest.source.finish();
  assert.ok(rest.given().equals(BYTES));
  assert.is(rest.read(), BYTES.byteLength);

  const closed = followedBytes();
  await closed.source.close();
  await closed.source.finish();
  assert.is(closed.read(), 0);
  assert.is(closed.ends(), 0);

  const empty = followedBytes(new Uint8Array());
  await empty.source.finish();
  await empty.source.finish();
  assert.is(empty.ends(), 1);
});

test('of several sinks, none ends where one before it refuses', async () => {
  const told: string[] = [];
  const sink = (name: string, fails = false): Sink => ({
    write: async (bytes) => void told.push(`${name} ${bytes.byteLength}`),
    async end() {
      if (fails) throw new Error(name);
      told.push(`${name} end`);
    },
  });
  const good = followed(bytesSource('file', BYTES.subarray(0, 9)), [sink('a'), sink('b')]);
  await good.read(0, 9);
  assert.equal(told.splice(0), ['a 9', 'b 9', 'a end', 'b end']);
  const bad = followed(bytesSource('file', BYTES.subarray(0, 9)), [sink('a', true), sink('b')]);
  const error: unknown = await bad.read(0, 9).catch((thrown: unknown) => thrown);
  assert.is((error as Error).message, 'a');
  await bad.finish();
  assert.equal(told, ['a 9', 'b 9']);
});

test('where nobody follows, nothing is read but what is asked for', async () => {
  const inner = bytesSource('file', BYTES);
  let read = 0;
  const counted: ByteSource = {
    ...inner,
    read: async (offset, length) => inner.read(offset, ((read += length), length)),
  };
  const source = followed(counted, []);
  await source.read(1000, 5);
  await source.finish();
  assert.is(read, 5);
});

test('a source without readInto has none', async () => {
  const sink = { async write() {}, async end() {} };
  assert.not('readInto' in followed(bytesSource('file', BYTES), [sink]));
});

test.run();
