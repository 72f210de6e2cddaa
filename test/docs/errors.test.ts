import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { read } from './blocks.ts';

const test = suite('docs/errors.md');

test('tells of every code, and of no other', () => {
  const [, union = ''] = /type TpaErrorCode =([^;]*);/.exec(read('src/base/errors.ts')) ?? [];
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code!);
  const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code!);
  assert.ok(codes.length > 30);
  assert.equal(rows.toSorted(), codes.toSorted());
});

test.run();
