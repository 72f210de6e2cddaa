import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../src/base/errors.ts';
import { Heap, MAX_MEMORY } from '../../src/wasm/heap.ts';
import {
  createFailingMemory,
  createFailurePlan,
  createFakeMemory,
  WASM_PAGE,
} from '../helpers/fakes/fake-memory.ts';

const SEED = 9;
const RUNS = 300;
const BASE = 1000;
const LIMIT = 40 * WASM_PAGE;

const test = suite('Heap');

interface Held {
  start: number;
  length: number;
  mark: number;
}

const isOutOfMemory = (error: unknown): error is TpaError =>
  error instanceof TpaError && error.code === 'OUT_OF_MEMORY';

/** Allocates, or gives undefined if there is no memory. */
function tryAllocate(heap: Heap, bytes: number): number | undefined {
  try {
    return heap.allocate(bytes);
  } catch (error) {
    if (isOutOfMemory(error)) return undefined;
    throw error;
  }
}

/** Room that first fit over perfectly joined blocks has: holes between, and space after, what is held. */
function largestHole(held: readonly Held[], limit: number): number {
  const blocks = held.toSorted((a, b) => a.start - b.start);
  let end = Math.ceil(BASE / 64) * 64;
  let largest = 0;
  for (const block of blocks) {
    largest = Math.max(largest, block.start - end);
    end = block.start + block.length;
  }
  return Math.max(largest, limit - end);
}

const operation = fc.oneof(
  fc.record({ bytes: fc.oneof(fc.nat(300), fc.nat(WASM_PAGE * 6), fc.nat(WASM_PAGE * 50)) }),
  fc.record({ release: fc.nat() }),
  fc.record({ failAt: fc.integer({ min: 1, max: 3 }), forEver: fc.boolean() }),
);

test(`${RUNS} random histories: aligned, apart, zeroed, counted exactly, all room usable`, () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const plan = createFailurePlan();
      const heap = new Heap(createFailingMemory(createFakeMemory(), plan), BASE, LIMIT);
      let held: Held[] = [];
      let mark = 0;
      let mayFail = false;
      for (const step of operations) {
        if ('failAt' in step) {
          plan.failAt(step.failAt, step.forEver);
          mayFail = true;
        } else if ('release' in step) {
          const released = held[step.release % held.length];
          if (released === undefined) continue;
          heap.release(released.start);
          held = held.filter((other) => other !== released);
          assert.throws(() => heap.release(released.start), RangeError);
        } else {
          const room = largestHole(held, LIMIT);
          const length = Math.max(64, Math.ceil(step.bytes / 64) * 64);
          const [used, size] = [heap.used, heap.size];
          const start = tryAllocate(heap, step.bytes);
          if (start === undefined) {
            assert.ok(mayFail || length > room, `${length} bytes refused of ${room}`);
            assert.equal([heap.used, heap.size], [used, size], 'nothing changed');
            continue;
          }
          assert.is(start % 64, 0);
          assert.ok(start >= BASE && start + length <= LIMIT);
          for (const other of held) {
            assert.ok(start + length <= other.start || other.start + other.length <= start);
          }
          const words = heap.words(start, length / 4);
          assert.ok(
            words.every((word) => word === 0),
            'zeroed',
          );
          words.fill(++mark);
          held.push({ start, length, mark });
        }
        assert.is(
          heap.used,
          held.reduce((sum, { length }) => sum + length, 0),
        );
        assert.ok(heap.size <= LIMIT);
        for (const block of held) {
          assert.is(heap.words(block.start, 1)[0], block.mark);
          assert.is(heap.words(block.start + block.length - 4, 1)[0], block.mark);
        }
      }
      for (const { start } of held) heap.release(start);
      assert.is(heap.used, 0);
      plan.failAt(Infinity);
      const all = LIMIT - Math.ceil(BASE / 64) * 64;
      assert.is(heap.allocate(all), Math.ceil(BASE / 64) * 64, 'one block again');
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('a failed grow leaves the heap as it was, and the next allocation works', () => {
  const plan = createFailurePlan();
  const heap = new Heap(createFailingMemory(createFakeMemory(), plan), BASE, LIMIT);
  const first = heap.allocate(100);
  plan.failAt(1);
  assert.throws(() => heap.allocate(WASM_PAGE), isOutOfMemory);
  assert.equal([heap.used, heap.size], [128, WASM_PAGE]);
  assert.is(heap.allocate(WASM_PAGE), first + 128);
});

test('OUT_OF_MEMORY carries what was needed, the limit and the cause, and may be retried', () => {
  const plan = createFailurePlan();
  const heap = new Heap(createFailingMemory(createFakeMemory(), plan), 0, LIMIT);
  try {
    heap.allocate(LIMIT + 1);
    assert.unreachable();
  } catch (error) {
    assert.ok(isOutOfMemory(error));
    assert.equal(error.data, { needed: LIMIT + 64, limit: LIMIT });
    assert.ok(error.retryable);
  }
  plan.failAt(1);
  try {
    heap.allocate(WASM_PAGE + 1);
    assert.unreachable();
  } catch (error) {
    assert.ok(isOutOfMemory(error) && error.cause instanceof RangeError);
  }
});

test('a limit within a page is not exceeded, and the room below it is usable', () => {
  for (const odd of [1, 63, 64, 1000, WASM_PAGE - 1]) {
    const limit = 3 * WASM_PAGE + odd;
    const heap = new Heap(createFakeMemory(), 0, limit);
    heap.allocate(3 * WASM_PAGE);
    tryAllocate(heap, 64);
    assert.ok(heap.size <= limit, `limit ${limit}, size ${heap.size}`);
  }
});

test('copy() moves bytes; floats() and words() see them, also past 2 GiB', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65535 });
  const heap = new Heap(memory, 64, MAX_MEMORY);
  heap.allocate(2 ** 31);
  const [from, to] = [heap.allocate(64), heap.allocate(64)];
  assert.ok(from > 2 ** 31);
  heap.floats(from, 3).set([1, -2, 3]);
  heap.copy(to, from, 12);
  assert.equal([...heap.floats(to, 4)], [1, -2, 3, 0]);
  assert.is(heap.words(to, 1)[0], 0x3f800000);
});

test.run();
