import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runJson, runTpa } from '../helpers/fakes/fake-host.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = ['--import', 'tsx', 'src/cli/main.ts'];
/** A process that idle threads keep alive is ended by then; a busy machine takes 5 s. */
const DEADLINE = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'tpa-threads-'));
const tale = join(folder, 'tale.txt');
writeFileSync(tale, 'Once upon a time there was a poor man who had a cow, a cat and three sons.\n');

const COMMANDS: readonly (readonly [args: readonly string[], input?: string])[] = [
  [['generate', 'Once upon a time', '--seed', '7', '--max-tokens', '12']],
  [['chat', '--seed', '7', '--max-tokens', '8'], 'Once upon a time\nand then\n'],
  [['eval', 'perplexity', tale]],
];

const test = suite('--threads');
test.after(() => rmSync(folder, { recursive: true }));

test('info: how many threads compute and where, and why', async () => {
  const two = await runTpa(['info', '--threads', '2']);
  assert.match(two.out(), /\nthreads +2: asked for\nworker +no: [^\n]*no page waits/);
  const small = await runTpa(['info']);
  assert.match(small.out(), /\nthreads +1: the model is too small to gain by more\n/);
  const { threads, threadsReason, worker, workerReason } = await runJson(['info', '--threads=2']);
  assert.equal({ threads, threadsReason, worker }, NO_WORKER);
  assert.match(workerReason, /no page waits/);
});

const NO_WORKER = { threads: 2, threadsReason: 'asked for', worker: false };

test('takes 1 to 64 or auto: anything else is one line on stderr, 2', async () => {
  for (const word of ['0', '-1', '65', '1.5', '1e9', 'all', '']) {
    const { code, err, out } = await runTpa(['info', `--threads=${word}`]);
    assert.is(code, 2, word);
    assert.match(err(), /^tpa: "--threads" expected auto or an integer in 1\.\.64, got [^\n]+\n$/);
    assert.is(out(), '');
  }
});

for (const [args, input] of COMMANDS) {
  test(`${args[0]} writes the same by 1, 2 and 4 threads, and ends by itself`, () => {
    const alone = run(args, 1, input);
    assert.is(alone.status, 0, alone.stderr);
    assert.ok(alone.stdout.length > 0);
    for (const threads of [2, 4]) {
      const { status, signal, stdout, stderr } = run(args, threads, input);
      assert.equal({ status, signal }, { status: 0, signal: null }, stderr);
      assert.is(withoutSpeed(stdout), withoutSpeed(alone.stdout));
    }
  });
}

test.run();

function run(args: readonly string[], threads: number, input = '') {
  const line = [...CLI, ...args, '--threads', String(threads)];
  const options = { cwd: ROOT, input, timeout: DEADLINE, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, line, options);
}

/** Its speed is of no matter. */
function withoutSpeed(text: string): string {
  return text.replaceAll(/[\d,.]+ tokens a second/g, 'tokens a second');
}
