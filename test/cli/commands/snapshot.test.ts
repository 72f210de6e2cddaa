import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { saveSnapshot } from '../../../src/cli/snapshot-file.ts';
import { loadModel, type Session } from '../../../src/index.ts';
import { runJson, runTpa } from '../../helpers/fakes/fake-host.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { writeTalkingT6 } from '../../helpers/sessions/talking-t6.ts';

const test = suite('tpa chat --save, --resume; tpa snapshot');

const TEMPLATE = `{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}assistant:`;

const folder = await mkdtemp(join(tmpdir(), 'tpa-saved-'));
writeTalkingT6(folder, {}, TEMPLATE);
test.after(() => rm(folder, { recursive: true }));

const CLI = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const FILE = join(folder, 'talk.snapshot');
const CHAT = ['chat', '--model', folder, '--temperature', '0', '--max-tokens', '8'];

test('a chat that was saved goes on as one that was never left', async () => {
  const whole = await runTpa([...CHAT, '--system', 'Be kind.'], { stdin: 'Hello\nAnd then?\n' });
  const first = await runTpa([...CHAT, '--system', 'Be kind.', '--save', FILE], {
    stdin: 'Hello\n',
  });
  const second = await runTpa([...CHAT, '--resume', FILE, '--save', FILE], {
    stdin: 'And then?\n',
  });
  assert.equal([whole.code, first.code, second.code], [0, 0, 0], second.err());
  assert.is(first.out() + second.out(), whole.out());
  const { metadata } = await runJson(['snapshot', 'show', FILE]);
  assert.equal(
    metadata.messages.map(({ role }: { role: string }) => role),
    ['system', 'user', 'assistant', 'user', 'assistant'],
  );
  assert.equal(
    (await readdir(folder)).filter((name) => name.includes('talk')),
    ['talk.snapshot'],
  );
});

test('show and verify tell what is in the file', async () => {
  await runTpa([...CHAT, '--save', FILE, '--cache-dtype', 'q8'], { stdin: 'Hello\n' });
  const { byteLength } = await readFile(FILE);
  const shown = await runTpa(['snapshot', 'show', FILE]);
  assert.match(shown.out(), /tokens as q8/);
  assert.match(shown.out(), /"content":"Hello"/);
  const verified = await runTpa(['snapshot', 'verify', FILE]);
  assert.match(verified.out(), new RegExp(`^whole: ${byteLength.toLocaleString('en-US')} bytes, `));
  assert.equal([shown.code, verified.code], [0, 0]);
  assert.is((await runJson(['snapshot', 'verify', FILE])).byteLength, byteLength);
});

test('show reads the beginning of a long file, and leaves it', async () => {
  using model = await loadModel(folder);
  using session = model.createSession();
  await session.prefill(Array.from({ length: 40 }, (_, i) => i));
  const bytes = await session.snapshot();
  // a read that was on its way when the stream was left once ended the process
  for (const length of [2 ** 16 + 1, 2 ** 17, 150_000, 2 ** 22]) {
    const long = new Uint8Array(length);
    long.set(bytes);
    await writeFile(FILE, long);
    const { status, stderr } = spawnSync(process.execPath, [
      ...process.execArgv,
      CLI,
      'snapshot',
      'show',
      FILE,
    ]);
    assert.equal([status, String(stderr)], [0, '']);
  }
  const verified = await runTpa(['snapshot', 'verify', FILE]);
  assert.match(verified.err(), /^error SNAPSHOT_INVALID: [^\n]+\n$/);
});

test('a broken file is one line that names it, and a code', async () => {
  await runTpa([...CHAT, '--save', FILE], { stdin: 'Hello\n' });
  const bytes = await readFile(FILE);
  const broken = join(folder, 'broken');
  const flipped = Uint8Array.from(bytes);
  flipped[bytes.length - 40]! ^= 1;
  for (const content of [flipped, bytes.subarray(0, 100), new Uint8Array(), Buffer.from('{}')]) {
    await writeFile(broken, content);
    for (const words of [
      ['snapshot', 'verify', broken],
      [...CHAT, '--resume', broken],
    ]) {
      const { code, out, err } = await runTpa(words, { stdin: 'Hello\n' });
      assert.equal([code, out()], [1, ''], err());
      assert.match(err(), /^error SNAPSHOT_INVALID: [^\n]+\n$/);
    }
  }
  for (const words of [
    ['snapshot', 'show', join(folder, 'none')],
    ['snapshot', 'verify', folder],
    [...CHAT, '--resume', join(folder, 'none')],
    [...CHAT, '--resume', FILE, '--system', 'x'],
    [...CHAT, '--save', join(folder, 'none', 'x')],
    ['snapshot'],
  ]) {
    const { code, err } = await runTpa(words);
    assert.is(code, 2, err());
    assert.match(err(), /^tpa: [^\n]+\n$/);
  }
});

test('a snapshot of another model, or one that no chat has made, is refused', async () => {
  using model = await loadModel(folder);
  using session = model.createSession();
  await session.prefill([1, 2, 3]);
  await writeFile(FILE, await session.snapshot());
  const { code, err } = await runTpa([...CHAT, '--resume', FILE]);
  assert.is(code, 1);
  assert.match(err(), /^error SNAPSHOT_INVALID: "[^\n]+keeps no messages[^\n]+\n$/);
  const other = await runTpa(['chat', '--resume', FILE]);
  assert.match(other.err(), /error SNAPSHOT_MISMATCH: /);
});

test('a disk that fills leaves the file as it was, and nothing else', async () => {
  await writeFile(FILE, 'before');
  const names = await readdir(folder);
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  const session: Pick<Session, 'snapshotStream' | 'byteLength'> = {
    byteLength: 1000,
    snapshotStream: () =>
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(100));
          controller.error(full);
        },
      }),
  };
  const { signal } = new AbortController();
  const error = await refused(
    () => saveSnapshot({ path: FILE, name: 'talk' }, session, {}, signal),
    'RESOURCE_LIMIT',
  );
  assert.match(error.message, /--save/);
  assert.is(await readFile(FILE, 'utf8'), 'before');
  assert.equal(await readdir(folder), names);
});

test('messages that no snapshot has room for are refused, and the file stays', async () => {
  await writeFile(FILE, 'before');
  const stdin = `${'Hello '.repeat(12_000)}\n`;
  using model = await loadModel(folder);
  using session = model.createSession();
  const metadata = { messages: [{ role: 'user', content: stdin }] };
  const { signal } = new AbortController();
  const save = () => saveSnapshot({ path: FILE, name: 'talk' }, session, metadata, signal);
  assert.match((await refused(save, 'RESOURCE_LIMIT')).message, /\/clear/);
  assert.is(await readFile(FILE, 'utf8'), 'before');
});

test.run();
