import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  countRead,
  countScored,
  countWindows,
  windowAt,
  type WindowPlan,
} from '../../../src/cli/evaluate/windows.ts';

const test = suite('windows of a text');

/** Every small plan. */
function* plans(): Generator<WindowPlan> {
  for (const startTokens of [0, 1, 3]) {
    for (let windowTokens = startTokens === 0 ? 2 : 1; windowTokens <= 7; windowTokens++) {
      for (let stride = 1; stride <= windowTokens; stride++) {
        for (let tokens = 0; tokens <= 30; tokens++) {
          yield { tokens, windowTokens, stride, startTokens };
        }
      }
    }
  }
}

/** By token, who scores it: the first window that holds it, unless nothing stands before it there. */
function scorers({
  tokens,
  windowTokens,
  stride,
  startTokens,
}: WindowPlan): (number | undefined)[] {
  return Array.from({ length: tokens }, (_, token) => {
    let window = 0;
    while (token >= window * stride + windowTokens) window++;
    return token === window * stride && startTokens === 0 ? undefined : window;
  });
}

test('each token is scored once, by the first window that holds it, where something stands before it', () => {
  for (const plan of plans()) {
    const found: (number | undefined)[] = Array.from({ length: plan.tokens }, () => undefined);
    const windows = countWindows(plan);
    let read = 0;
    for (let index = 0; index < windows; index++) {
      const { first, end, scored } = windowAt(plan, index);
      read += plan.startTokens + end - first;
      for (let token = scored; token < end; token++) {
        assert.is(found[token], undefined, 'scored twice');
        found[token] = index;
      }
      assert.ok(first <= scored && scored <= end && end <= plan.tokens);
      assert.ok(end - first <= plan.windowTokens);
      if (index > 0) assert.ok(end > windowAt(plan, index - 1).end, 'a window for nothing');
    }
    assert.equal(found, scorers(plan), JSON.stringify(plan));
    assert.is(windowAt(plan, windows - 1).end, plan.tokens);
    const counted = found.filter((window) => window !== undefined).length;
    assert.is(countScored(plan, windows), counted);
    assert.is(countRead(plan, windows), read);
    if (windows > 1) {
      const some = found.filter((window) => window !== undefined && window < windows - 1).length;
      assert.is(countScored(plan, windows - 1), some);
    }
  }
});

test('after the first window every token is scored by at least a window less its stride', () => {
  for (const plan of plans()) {
    for (let index = 1; index < countWindows(plan); index++) {
      const { first, scored } = windowAt(plan, index);
      assert.ok(scored - first >= plan.windowTokens - plan.stride);
    }
  }
});

test.run();
