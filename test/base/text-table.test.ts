import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TextTable } from '../../src/base/text-table.ts';

const test = suite('TextTable');

/** Texts of 1 to 40 units from all over UTF-16, halves of pairs among them. */
function manyTexts(count: number): string[] {
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const texts = new Set<string>();
  while (texts.size < count) {
    const units = Array.from({ length: 1 + next(40) }, () => next(next(2) === 0 ? 128 : 65_536));
    texts.add(String.fromCharCode(...units));
  }
  return [...texts];
}

test('holds what a Map holds, also where it has grown many times', () => {
  const texts = manyTexts(20_000);
  const table = new TextTable();
  const numbers = new Map(texts.map((text, i) => [text, 3 * i]));
  for (const [text, number] of numbers) table.set(text, number);
  assert.ok(table.seal());
  assert.is(table.limit, 3 * (texts.length - 1) + 1);
  assert.is(table.maxLength, 40);
  for (const [i, text] of texts.entries()) {
    assert.is(table.get(text), 3 * i);
    assert.is(table.textOf(3 * i), text);
    assert.is(table.textOf(3 * i + 1), undefined);
    assert.is(table.get(text.slice(1)), numbers.get(text.slice(1)));
    assert.is(table.lengthOf(3 * i), text.length);
    assert.is(table.unitOf(3 * i, 0), text.charCodeAt(0));
    assert.is(table.unitOf(3 * i, -1), text.charCodeAt(text.length - 1));
  }
});

test('looks up parts of an open text, and keeps it or drops it', () => {
  const table = new TextTable();
  table.set('ab', 1);
  table.set('c', 2);
  for (const letter of 'ab c') table.push(letter.charCodeAt(0));
  assert.is(table.opened, 4);
  assert.is(table.placeOf(0x20), 2);
  assert.is(table.placeOf(0x21), -1);
  table.remove(2);
  assert.equal([table.find(0, 2), table.find(2, 3), table.find(0, 3)], [1, 2, undefined]);
  table.close(7);
  assert.is(table.get('abc'), 7);
  table.push(0x64);
  table.drop();
  assert.is(table.opened, 0);
  assert.is(table.has('d'), false);
});

test('a text that is there gets another number, and one that is deleted is not found', () => {
  const table = new TextTable();
  table.set('a', 1);
  table.set('b', 2);
  table.set('a', 4);
  assert.ok(table.seal());
  assert.equal([table.get('a'), table.textOf(1), table.textOf(4)], [4, undefined, 'a']);
  table.delete(4);
  assert.equal([table.get('a'), table.has('a'), table.textOf(4)], [undefined, false, undefined]);
  assert.is(table.get('b'), 2);
});

test('tells two texts with one number', () => {
  const table = new TextTable();
  table.set('a', 1);
  table.set('b', 1);
  assert.is(table.seal(), false);
});

test('an empty table has nothing', () => {
  const table = new TextTable();
  assert.ok(table.seal());
  assert.equal(
    [table.limit, table.get('a'), table.get(''), table.textOf(0)],
    [0, undefined, undefined, undefined],
  );
});

test.run();
