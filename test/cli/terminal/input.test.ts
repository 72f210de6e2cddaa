import { PassThrough } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  MAX_PROMPT_BYTES,
  openTerminal,
  readLines,
  readPrompt,
} from '../../../src/cli/terminal/input.ts';
import { TpaError } from '../../../src/index.ts';

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function* lineThenEndless(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('a\n');
  for (const chunk = new Uint8Array(2 ** 20).fill(97); ;) yield chunk;
}

async function* halfLines(): AsyncGenerator<Uint8Array> {
  const half = new Uint8Array(MAX_PROMPT_BYTES / 2).fill(97);
  for (let i = 0; i < 3; i++) {
    yield half;
    yield Uint8Array.of(10);
  }
}

const read = (text: string, size = 1) => readPrompt(chunks(new TextEncoder().encode(text), size));

const test = suite('input');

test('joins characters that are cut between chunks', async () => {
  assert.is(await read('Grüße, 世界 👩‍👩‍👧'), 'Grüße, 世界 👩‍👩‍👧');
  assert.is(await read(''), '');
});

test('leaves out one final line break, of either kind', async () => {
  assert.is(await read('a\nb\n'), 'a\nb');
  assert.is(await read('a\r\n'), 'a');
  assert.is(await read('a\n\n'), 'a\n');
});

test('stops reading past 16 MiB', async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (const chunk = new Uint8Array(2 ** 20); ; given++) yield chunk;
  }
  try {
    await readPrompt(endless());
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TpaError);
    assert.is((error as TpaError).code, 'PROMPT_TOO_LONG');
  }
  assert.is(given, MAX_PROMPT_BYTES / 2 ** 20);
});

test('readLines() cuts at line breaks of either kind, wherever chunks end', async () => {
  const cases: [string, string[]][] = [
    ['', []],
    ['a', ['a']],
    ['a\n', ['a']],
    ['é\r\n\n 世界 \r\nb\rc', ['é', '', ' 世界 ', 'b\rc']],
  ];
  for (const [text, expected] of cases) {
    for (const size of [1, 2, 3, 100]) {
      const lines: string[] = [];
      const bytes = new TextEncoder().encode(text);
      for await (const line of readLines(chunks(bytes, size))) lines.push(line);
      assert.equal(lines, expected, `${text} in ${size}`);
    }
  }
});

test('readLines() stops at a line past 16 MiB, and gives those before', async () => {
  const lines = readLines(lineThenEndless());
  assert.is((await lines.next()).value, 'a');
  const outcome = await lines.next().catch((error: unknown) => error);
  assert.is((outcome as TpaError).code, 'PROMPT_TOO_LONG');
});

test('readLines() counts each line for itself', async () => {
  let count = 0;
  for await (const line of readLines(halfLines())) {
    assert.is(line.length, MAX_PROMPT_BYTES / 2);
    count++;
  }
  assert.is(count, 3);
});

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

test('openTerminal(): lines come one at a time, with the prompt before each; undefined after the last', async () => {
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

test('openTerminal(): Ctrl-C is handed on and no end; an abort is one', async () => {
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
