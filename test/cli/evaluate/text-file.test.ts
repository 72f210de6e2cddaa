import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_TEXT_BYTES, readText } from '../../../src/cli/evaluate/text-file.ts';
import { fakeHost } from '../../helpers/fakes/fake-host.ts';
import { outcomeOf, refused } from '../../helpers/checks/refused.ts';

const test = suite<{ root: string }>('readText()');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-text-'));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

const TEXT = 'Once upon a time \u{1F98A}\r\nthere was a fox.\n';

test('a file or standard input: the text, its bytes and their hash', async ({ root }) => {
  const path = join(root, 'a text');
  await writeFile(path, TEXT);
  const bytes = Buffer.byteLength(TEXT);
  const hash = createHash('sha256').update(TEXT).digest('hex');
  assert.equal(await readText(path, fakeHost()), { text: TEXT, bytes, hash });
  assert.equal(await readText('-', fakeHost({ stdin: TEXT })), { text: TEXT, bytes, hash });
});

test('a byte order mark is no text, but a part of the file', async ({ root }) => {
  const path = join(root, 'marked');
  await writeFile(path, `\uFEFF${TEXT}`);
  const { text, bytes } = await readText(path, fakeHost());
  assert.is(text, TEXT);
  assert.is(bytes, Buffer.byteLength(TEXT) + 3);
});

test('bytes that are no UTF-8, no file, a folder: one line that names them', async ({ root }) => {
  const cases: [string, Uint8Array | undefined, RegExp][] = [
    [
      'latin1',
      Buffer.from('caf\xe9', 'latin1'),
      /expected UTF-8 text, got other bytes in ".*latin1"/,
    ],
    ['cut', Buffer.from('\u{1F98A}').subarray(0, 3), /expected UTF-8 text/],
    ['utf16', Buffer.from(`\uFEFF${TEXT}`, 'utf16le'), /expected UTF-8 text/],
    ['absent', undefined, /expected a file that can be read, got ".*absent" \(ENOENT\)/],
    ['.', undefined, /expected a file that can be read, got ".*" \(EISDIR\)/],
  ];
  for (const [name, content, message] of cases) {
    const path = join(root, name);
    if (content !== undefined) await writeFile(path, content);
    const error = (await outcomeOf(() => readText(path, fakeHost()))) as Error;
    assert.is(error.name, 'UsageError', name);
    assert.match(error.message, message);
    assert.not.match(error.message, /\n/);
  }
});

test('a text that is too long is refused, and not read to its end', async ({ root }) => {
  const path = join(root, 'long');
  await writeFile(path, '');
  await truncate(path, MAX_TEXT_BYTES);
  assert.is((await readText(path, fakeHost())).bytes, MAX_TEXT_BYTES);
  await truncate(path, 2 ** 40); // a terabyte of nothing
  const limit = { limit: MAX_TEXT_BYTES };
  await refused(() => readText(path, fakeHost()), 'PROMPT_TOO_LONG', /score it in parts/, limit);
});

test('Ctrl-C ends it', async ({ root }) => {
  const path = join(root, 'text');
  await writeFile(path, TEXT);
  const host = fakeHost();
  host.interrupt.abort();
  const error = (await outcomeOf(() => readText(path, host))) as Error;
  assert.is(error.name, 'AbortError');
});

test.run();
