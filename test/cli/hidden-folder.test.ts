import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hiddenBeside, oldOf, sweepBeside } from '../../src/cli/hidden-folder.ts';

interface Context {
  root: string;
  out: string;
}

const test = suite<Context>('hidden folders');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-hidden-'));
  context.out = join(context.root, 'out');
});
test.after.each(({ root }) => rm(root, { recursive: true }));

/** A conversion that has written a piece, and will never write the next. */
const ENDLESS = `
const [path] = process.argv.slice(1);
const { writeFolder } = await import(${JSON.stringify(
  pathToFileURL(join(import.meta.dirname, '../../src/cli/output-folder.ts')).href,
)});
const chunks = async function* () {
  yield new Uint8Array(1000);
  process.stdout.write('writing');
  await new Promise((resolve) => setInterval(resolve, 2 ** 30));
};
const signal = new AbortController().signal;
const files = [{ name: 'model.safetensors', byteLength: 2000, chunks }];
await writeFolder({ path, isReplaced: false }, files, { signal, onBytes() {} });
`;

async function startEndless(out: string): Promise<ChildProcess> {
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', ENDLESS];
  const child = spawn(process.execPath, [...args, out], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  assert.equal(await once(child, 'exit'), [null, signal]);
}

/** A folder with a file in it, last written some hours ago. */
async function place(root: string, name: string, hoursAgo = 0): Promise<void> {
  const folder = join(root, name);
  await mkdir(folder);
  await writeFile(join(folder, 'config.json'), name);
  const time = new Date(Date.now() - hoursAgo * 3_600_000);
  for (const path of [join(folder, 'config.json'), folder]) await utimes(path, time, time);
}

/** The name of a hidden folder as a process that has ended would have given it. */
async function nameOfDead(out: string): Promise<string> {
  const { pid } = spawnSync(process.execPath, ['--version']);
  return basename(await hiddenBeside(out)).replace(`-${process.pid}-`, `-${pid}-`);
}

for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} while it writes: nothing is left, and the process ends by it`, async (context) => {
    const child = await startEndless(context.out);
    assert.is((await readdir(context.root)).length, 1);
    await end(child, signal);
    assert.equal(await readdir(context.root), []);
  });
}

test('the next run removes what a killed one left, and nothing of one that lives', async ({
  root,
  out,
}) => {
  const lives = await startEndless(out);
  const [living] = await readdir(root);
  await end(await startEndless(out), 'SIGKILL');
  assert.is((await readdir(root)).length, 2);
  await sweepBeside(out);
  assert.equal(await readdir(root), [living]);
  await end(lives, 'SIGTERM');
});

test('of another machine it removes what nobody has written in for a day', async ({
  root,
  out,
}) => {
  await place(root, '.out-01234567-1-89abcdef', 23);
  await place(root, '.out-01234567-2-89abcdef', 25);
  await place(root, '.out-01234567-3-89abcdef-old', 25);
  await place(root, 'out');
  await sweepBeside(out);
  assert.equal(await readdir(root), ['.out-01234567-1-89abcdef', 'out']);
});

test('other folders stay, whatever their names begin with', async ({ root, out }) => {
  const dead = await nameOfDead(out);
  const names = ['.out', '.out-', '.out-mine', `.my${dead}`, `${dead}-new`, dead.replace('.', '')];
  for (const name of names) await place(root, name, 100);
  await sweepBeside(out);
  assert.equal((await readdir(root)).toSorted(), names.toSorted());
});

test('an old model whose successor never took its place comes back', async ({ root, out }) => {
  const dead = await nameOfDead(out);
  await place(root, dead);
  await place(root, oldOf(dead));
  await sweepBeside(out);
  assert.equal(await readdir(root), ['out']);
  assert.ok(existsSync(join(out, 'config.json')));
});

test('a folder that is not there has nothing to sweep', async ({ root }) => {
  await sweepBeside(join(root, 'a', 'b'));
  assert.equal(await readdir(root), []);
});

test.run();
