import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkOutput, writeFolder } from '../../src/cli/output-folder.ts';
import { UsageError } from '../../src/cli/exit.ts';
import { outcomeOf } from '../helpers/checks/refused.ts';
import { TpaError, type ConvertedFile } from '../../src/convert.ts';

interface Context {
  root: string;
  out: string;
}

const test = suite<Context>('writeFolder()');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-output-'));
  context.out = join(context.root, 'out');
});
test.after.each(({ root }) => rm(root, { recursive: true }));

/** A file of two pieces, between which something happens. */
function file(between: () => unknown): ConvertedFile {
  return {
    name: 'config.json',
    byteLength: 6,
    async *chunks() {
      yield new TextEncoder().encode('abc');
      await between();
      yield new TextEncoder().encode('def');
    },
  };
}

/** Writes one file, and gives the sizes of its pieces. */
async function writeOne(
  { root, out }: Context,
  written: ConvertedFile,
  signal = new AbortController().signal,
): Promise<number[]> {
  const pieces: number[] = [];
  const output = await checkOutput(out, root, false);
  await writeFolder(output, [written], { signal, onBytes: (bytes) => pieces.push(bytes) });
  return pieces;
}

const write = (context: Context, between: () => unknown) => writeOne(context, file(between));

/** The error that {@link write} ends with where one is thrown between the pieces; nothing is left. */
async function failureOf(context: Context, cause: Error): Promise<unknown> {
  const error = await outcomeOf(() =>
    write(context, () => {
      throw cause;
    }),
  );
  assert.equal(await readdir(context.root), []);
  return error;
}

test('nothing is at the path before everything is written', async (context) => {
  const pieces = await write(context, async () => {
    assert.instance(await outcomeOf(() => access(context.out)), Error);
    const names = await readdir(context.root);
    assert.is(names.length, 1);
    assert.match(names[0]!, /^\.out-/);
  });
  assert.equal(pieces, [3, 3]);
  assert.is(await readFile(join(context.out, 'config.json'), 'utf8'), 'abcdef');
  assert.equal(await readdir(context.root), ['out']);
});

test('a failure between two pieces: its error, nothing left', async (context) => {
  const error = new Error('disk');
  assert.is(await failureOf(context, error), error);
});

for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG']) {
  test(`${code}, a full disk: RESOURCE_LIMIT with the bytes that are needed, nothing left`, async (context) => {
    const cause = Object.assign(new Error(`${code}: /secret`), { code });
    const error = await failureOf(context, cause);
    assert.instance(error, TpaError);
    const { message, data, cause: kept, code: own } = error as TpaError;
    assert.equal([own, data, kept], ['RESOURCE_LIMIT', { needed: 6 }, cause]);
    assert.match(message, new RegExp(`^the disk of ".*" has no room for 6 bytes \\(${code}\\)`));
    assert.not.match(message, /secret/);
  });
}

for (const code of ['EACCES', 'EROFS', 'EBUSY']) {
  test(`${code}: UsageError that names the folder, nothing left`, async (context) => {
    const error = await failureOf(context, Object.assign(new Error('system'), { code }));
    assert.instance(error, UsageError);
    const { message } = error as UsageError;
    assert.match(message, new RegExp(`^"--out" expected a place that can be written, .*${code}`));
  });
}

test('others may open the folder, as far as the process lets them', async (context) => {
  await write(context, () => {});
  const made = await stat(context.out);
  await mkdir(join(context.root, 'plain'));
  assert.is(made.mode, (await stat(join(context.root, 'plain'))).mode);
});

test('a parent that is gone when writing begins: UsageError', async ({ root, out }) => {
  const inner = join(root, 'inner');
  await mkdir(inner);
  const output = await checkOutput(join(inner, 'out'), out, false);
  await rm(inner, { recursive: true });
  const options = { signal: new AbortController().signal, onBytes: () => {} };
  const error = await outcomeOf(() => writeFolder(output, [file(() => {})], options));
  assert.instance(error, UsageError);
  assert.equal(await readdir(root), []);
});

test('two arrays that take turns are written in order: each piece is on its way before its array returns', async ({
  root,
  out,
}) => {
  const buffers = [new Uint8Array(2 ** 16), new Uint8Array(2 ** 16)];
  const pieces = 40;
  const turns: ConvertedFile = {
    name: 'model.safetensors',
    byteLength: pieces * 2 ** 16,
    async *chunks() {
      for (let i = 0; i < pieces; i++) yield buffers[i % 2]!.fill(i);
    },
  };
  await writeOne({ root, out }, turns);
  const written = await readFile(join(out, turns.name));
  assert.is(written.length, turns.byteLength);
  for (let i = 0; i < pieces; i++) {
    const piece = written.subarray(i * 2 ** 16, (i + 1) * 2 ** 16);
    assert.ok(
      piece.every((byte) => byte === i),
      `piece ${i}`,
    );
  }
});

for (const [label, more] of [
  ['while the next piece is made', 1],
  ['at the last piece', 0],
] as const) {
  test(`a write that fails ${label}: its error, nothing left`, async ({ root, out }) => {
    const broken: ConvertedFile = {
      name: 'model.safetensors',
      byteLength: 3 + 3 * more,
      async *chunks() {
        yield { byteLength: 3 } as Uint8Array; // refused by the file handle, after the call
        for (let i = 0; i < more; i++) yield setTimeout(20, new Uint8Array(3));
      },
    };
    const error = await outcomeOf(() => writeOne({ root, out }, broken));
    assert.is((error as { code?: string }).code, 'ERR_INVALID_ARG_TYPE');
    assert.equal(await readdir(root), []);
  });
}

test('a folder that someone else fills in the meantime stays as it is', async (context) => {
  const thrown = await outcomeOf(() =>
    write(context, async () => {
      await mkdir(context.out);
      await writeFile(join(context.out, 'theirs'), 'x');
    }),
  );
  assert.instance(thrown, Error);
  assert.equal(await readdir(context.root), ['out']);
  assert.equal(await readdir(context.out), ['theirs']);
});

test('an abort stops before the next piece is drawn', async ({ root, out }) => {
  let isDrawn = false;
  const draw = file(() => (isDrawn = true));
  const error = await outcomeOf(() => writeOne({ root, out }, draw, AbortSignal.abort()));
  assert.is((error as Error).name, 'AbortError');
  assert.not.ok(isDrawn);
  assert.equal(await readdir(root), []);
});

test('an exit at once, the second Ctrl-C, leaves nothing; no listener stays behind', async (context) => {
  const before = process.listeners('exit');
  let isRemoved = false;
  await outcomeOf(() =>
    write(context, async () => {
      const added = process.listeners('exit').find((listener) => !before.includes(listener));
      added!.call(process, 130);
      isRemoved = (await readdir(context.root)).length === 0;
    }),
  );
  assert.ok(isRemoved);
  assert.equal(process.listeners('exit'), before);
  assert.equal(await readdir(context.root), []);
});

test.run();
