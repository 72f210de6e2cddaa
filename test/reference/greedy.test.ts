import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { greedy } from './greedy.ts';

const test = suite('greedy()');

test('takes the largest last logit, the lowest of equal ones, and feeds it back', () => {
  const seen: (readonly number[])[] = [];
  const logitsOf = (ids: readonly number[]) => {
    seen.push([...ids]);
    const last = ids.at(-1)!;
    // every row but the last would choose 0
    return [...ids.slice(1).flatMap(() => [9, 0, 0, 0]), ...[0, 1, 2, 3].map((i) => +(i > last))];
  };
  assert.equal(greedy(logitsOf, [1, 0], 4), [1, 2, 3, 0]);
  assert.equal(seen, [
    [1, 0],
    [1, 0, 1],
    [1, 0, 1, 2],
    [1, 0, 1, 2, 3],
  ]);
});

test.run();
