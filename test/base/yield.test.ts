import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { yieldMacrotask } from '../../src/base/yield.ts';

const test = suite('yieldMacrotask()');

const SCOPES = {
  setImmediate: globalThis,
  MessageChannel: { MessageChannel, setTimeout },
  setTimeout: { setTimeout },
};

for (const [name, scope] of Object.entries(SCOPES)) {
  test(`by ${name}: microtasks and a due timer get their turn`, async () => {
    const done: string[] = [];
    setTimeout(() => done.push('timer'), 0);
    queueMicrotask(() => done.push('microtask'));
    await yieldMacrotask(scope);
    assert.is(done[0], 'microtask');
    const start = performance.now();
    while (done.length < 2 && performance.now() - start < 1000) await yieldMacrotask(scope);
    assert.equal(done, ['microtask', 'timer']);
  });
}

test.run();
