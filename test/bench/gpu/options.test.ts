import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readOptions } from '../../../bench/gpu/options.ts';
import { planOf } from '../../../bench/gpu/plan.ts';

const test = suite('bench gpu options');

test('without options everything is measured in Deno in ten minutes and written', () => {
  const { isBrowser, minutes, contexts, out } = readOptions([], '/folder');
  assert.equal({ isBrowser, minutes, out }, { isBrowser: false, minutes: 10, out: '/folder' });
  assert.equal(contexts, [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]);
});

test('a quick run writes nothing unless told where', () => {
  assert.is(readOptions(['--quick'], '/folder').out, undefined);
  assert.is(readOptions(['--quick', '--out', 'x'], '/folder').out, 'x');
  assert.is(readOptions(['--quick', '--minutes', '0.5'], '/folder').minutes, 0.5);
});

test('contexts are sorted, what is no number is refused', () => {
  assert.equal(readOptions(['--contexts', '4096,512'], '').contexts, [512, 4096]);
  for (const args of [
    ['--contexts', '512,x'],
    ['--contexts', ''],
    ['--contexts', '5.5'],
    ['--minutes', '0'],
    ['--minutes', 'ten'],
  ]) {
    assert.throws(() => readOptions(args, ''), /"--(contexts|minutes)" expected/, args.join(' '));
  }
});

test('flags of the browser are given as one argument', () => {
  assert.equal(readOptions(['--flags=--a,--b=c'], '').flags, ['--a', '--b=c']);
});

test('models have room for every context and for what needs 8,192 tokens', () => {
  assert.is(room([512]), 8256);
  assert.is(room([512, 65536]), 65600);
});

test.run();

/** Tokens of the longest context that the model has room for. */
function room(contexts: number[]): unknown {
  return planOf({ minutes: 1, contexts }).forms.tpa.json['block_size'];
}
