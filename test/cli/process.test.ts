import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeTalkingT6 } from '../helpers/sessions/talking-t6.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = ['--import', 'tsx', 'src/cli/main.ts'];
/** A model whose text no token ends, with a context that takes seconds to fill. */
const folder = mkdtempSync(join(tmpdir(), 'tpa-process-'));
writeTalkingT6(folder, { block_size: 1e5 });
const LONG = ['generate', 'Once', '-m', folder, '--seed', '1', '--max-tokens', '100000'];
const BASELINE = ['--simd', 'baseline'];

/** util-linux gives a command a terminal of its own; others spell it differently. */
const HAS_SCRIPT = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true;

interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** The exit code, once everything is read. */
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[], program = process.execPath): Started {
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  return { child, out: () => out, err: () => err, ended };
}

const test = suite('tpa process');
test.after(() => rmSync(folder, { recursive: true }));

test('finds the shipped model from any directory', async () => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const tsx = import.meta.resolve('tsx');
  const ran = spawnSync(process.execPath, ['--import', tsx, main, 'info'], { cwd: '/' });
  assert.is(ran.status, 0, String(ran.stderr));
  assert.match(String(ran.stdout), /2,531,328/);
});

test('SIGINT while tokens come: statistics, 130', async () => {
  const { child, out, err, ended } = start([...CLI, ...LONG, ...BASELINE]);
  await once(child.stdout!, 'data');
  child.kill('SIGINT');
  assert.is(await ended, 130);
  assert.match(err(), /\nfinished +abort\ncache +[\d,]+ bytes\nseed +1\n$/);
  assert.ok(out().length > 0 && out().endsWith('\n'));
});

test('a reader that leaves: 0, not a word', async () => {
  const { child, err, ended } = start([...CLI, ...LONG, ...BASELINE]);
  await once(child.stdout!, 'data');
  child.stdout!.destroy();
  assert.is(await ended, 0);
  assert.is(err(), '');
});

test('a full disk: one line on stderr, 1', async () => {
  if (process.platform !== 'linux') return;
  const command = `"$0" ${CLI.join(' ')} info > /dev/full`;
  const { err, ended } = start(['-c', command, process.execPath], 'sh');
  assert.is(await ended, 1);
  assert.is(err(), 'error ENOSPC: stdout cannot be written\n');
});

test('a progress bar on a terminal, erased; none on a dumb one', async () => {
  if (!HAS_SCRIPT) return;
  const shown = `${process.execPath} ${CLI.join(' ')} info`;
  const bright = start(['-qec', `TERM=xterm ${shown}`, '/dev/null'], 'script');
  const dumb = start(['-qec', `TERM=dumb ${shown}`, '/dev/null'], 'script');
  assert.is(await bright.ended, 0);
  assert.match(bright.out(), /loading \[#+-*\] +\d+%/);
  assert.match(bright.out().slice(bright.out().lastIndexOf('\u001B')), /^.\[2Kfits +yes/);
  assert.is(await dumb.ended, 0);
  assert.not(dumb.out().includes('\u001B'));
});

test.run();
