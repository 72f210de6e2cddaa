import { PassThrough } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTerminal } from '../../../src/cli/terminal/terminal-input.ts';

const test = suite('openTerminal()');

function setUp() {
  const input = new PassThrough();
  const output = new PassThrough();
  let shown = '';
  output.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const abort = new AbortController();
  let interrupts = 0;
  const lines = openTerminal({ input, output }, () => interrupts++, abort.signal);
  return { input, lines, abort, shown: () => shown, interrupts: () => interrupts };
}

test('lines come one at a time, with the prompt before each; undefined after the last', async () => {
  const { input, lines, shown } = setUp();
  input.write('one\rtwo\r');
  assert.is(await lines.read('> '), 'one');
  assert.is(await lines.read('> '), 'two');
  input.write('\u0004'); // Ctrl-D
  assert.is(await lines.read('> '), undefined);
  assert.is(await lines.read('> '), undefined);
  assert.match(shown(), '> ');
  lines.close();
});

test('Ctrl-C is handed on and no end; an abort is one', async () => {
  const { input, lines, abort, interrupts } = setUp();
  input.write('\u0003');
  input.write('still\r');
  assert.is(await lines.read('> '), 'still');
  assert.is(interrupts(), 1);
  const pending = lines.read('> ');
  abort.abort();
  assert.is(await pending, undefined);
});

test.run();
