import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHIPPED_MODEL } from '../../src/cli/package-files.ts';
import type { Setting } from './conformance/suite.ts';
import { copyConsumer } from './consumer.ts';
import { findRuntime, type Missing } from './find.ts';
import { titleOf } from './hosts/setting.ts';
import { writeFiles } from './workspace.ts';

/** What keeps a process alive keeps it for ever: a busy machine has all the time it needs. */
const DEADLINE = 60_000;

/** Loads the shipped model, tells that it has, and goes on as it is told. */
const PROGRAM = `
import { loadModel } from 'tpa-wasm';
import gguf from './shipped.js';
const [setting, then] = process.argv.slice(2);
const model = await loadModel({ gguf }, { backend: 'wasm', ...JSON.parse(setting) });
const write = (maxTokens) =>
  model.createSession().generate('Once upon a time', { seed: 7, maxTokens }).text();
if (then !== 'end') await write(8);
const { threads, worker } = model.info();
console.log(JSON.stringify({ threads, worker }));
if (then === 'write for ever') for (;;) await write(200);
if (then === 'dispose') {
  await new Promise((resolve) => process.stdin.once('data', resolve));
  model.dispose();
  console.log('disposed');
}
`;

const shipped = readFileSync(SHIPPED_MODEL).toString('base64');
const { folder, remove } = copyConsumer();
writeFiles(folder, {
  'program.js': PROGRAM,
  'shipped.js': `export default Uint8Array.from(atob('${shipped}'), (unit) => unit.charCodeAt(0));`,
});

/** A program, and the lines that it prints. */
interface Started {
  readonly child: ChildProcess;
  line(): Promise<string>;
  /** How it ended: by itself with 0 and null. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

const test = suite('processes with threads');
test.after(remove);

const atHand = { title: 'Node', version: process.versions.node, program: process.execPath };
for (const [found, args] of [
  [atHand, []],
  [findRuntime('node'), []],
  [findRuntime('deno'), ['run', '--no-prompt']],
  [findRuntime('bun'), ['run']],
] as const) {
  for (const setting of [{ threads: 4 }, { threads: 4, worker: true }]) check(found, args, setting);
}
test.run();

function check(
  found: { title: string; version: string; program: string } | Missing,
  args: readonly string[],
  setting: Required<Pick<Setting, 'threads'>> & Setting,
): void {
  if ('missing' in found) {
    process.stdout.write(`processes: skipped, ${found.missing}\n`);
    test.skip(found.missing);
    return;
  }
  const title = `${found.title} ${found.version}, ${titleOf(setting)}`;
  const run = async (then: string, use: (started: Started) => Promise<void>): Promise<void> => {
    const started = start(found.program, [...args, 'program.js', JSON.stringify(setting), then]);
    try {
      const { threads, worker = false } = setting;
      assert.equal(JSON.parse(await started.line()), { threads, worker });
      await use(started);
    } finally {
      started.child.kill('SIGKILL');
    }
  };

  test(`${title}: a program that disposes of nothing ends by itself, whether it has generated or not`, async () => {
    for (const then of ['write and end', 'end']) {
      await run(then, async ({ ended }) => {
        assert.equal(await ended, { code: 0, signal: null }, then);
      });
    }
  });

  test(`${title}: dispose() ends every worker, while the program goes on`, async () => {
    await run('dispose', async ({ child, line, ended }) => {
      const before = threadsOf(child);
      child.stdin!.write('now\n');
      assert.is(await line(), 'disposed');
      // the threads beside the one that leads, and the worker that leads
      const workers = setting.threads - 1 + (setting.worker === true ? 1 : 0);
      const until = Date.now() + DEADLINE;
      while (threadsOf(child) > before - workers && Date.now() < until) await setTimeout(10);
      assert.ok(threadsOf(child) <= before - workers, `${threadsOf(child)} of ${before} threads`);
      child.stdin!.end();
      assert.equal(await ended, { code: 0, signal: null });
    });
  });

  test(`${title}: SIGTERM ends it in the middle of a text`, async () => {
    await run('write for ever', async ({ child, ended }) => {
      child.kill('SIGTERM');
      assert.equal(await ended, { code: null, signal: 'SIGTERM' });
    });
  });
}

function start(program: string, args: readonly string[]): Started {
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const child = spawn(program, args, {
    cwd: folder,
    stdio: [...stdio],
    timeout: DEADLINE,
    killSignal: 'SIGKILL',
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  return { child, ended, line: async () => String((await lines.next()).value) };
}

/** Threads of a process, those of its engine included; Linux tells. */
function threadsOf({ pid }: ChildProcess): number {
  return readdirSync(`/proc/${pid}/task`).length;
}
