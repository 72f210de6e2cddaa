import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('test/run.ts');

const RUN = fileURLToPath(new URL('../../run.ts', import.meta.url));
const UVU = import.meta.resolve('uvu');
const GOOD = '() => {}';

/** Runs files, each a suite with a test of each body; gives the exit code and what counts. */
function run(files: Readonly<Record<string, readonly string[]>>): (string | number | null)[] {
  const folder = mkdtempSync(join(tmpdir(), 'tpa-run-'));
  try {
    for (const [name, bodies] of Object.entries(files)) {
      const tests = bodies.map((body, i) => `t('${i}', ${body});`).join('\n');
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      const text = `import { suite } from '${UVU}';\nconst t = suite('s');\n${tests}\nt.run();\n`;
      writeFileSync(file, text);
    }
    const args = ['--import', 'tsx', RUN, folder, String.raw`\.test\.mjs$`];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const totals = stdout.match(/^ +(Total|Passed|Skipped): +\d+/gm) ?? [];
    const last = stdout.trimEnd().split('\n').at(-1)!;
    return [status, totals.map((line) => line.replaceAll(/\D/g, '')).join(' '), last];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('counts the tests of all processes once', () => {
  const files = { 'a/one.test.mjs': [GOOD, GOOD], 'b/two.test.mjs': [GOOD], 'b/three.mjs': [GOOD] };
  assert.equal(run(files), [0, '3 3 0', '3 passed, 0 failed']);
});

test('a test that fails, a file that breaks off and one that cannot be read fail the run', () => {
  const good = { 'a/one.test.mjs': [GOOD] };
  const fails = '() => { throw new Error("x"); }';
  assert.equal(run({ ...good, 'b/two.test.mjs': [fails, GOOD] }), [
    1,
    '3 2 0',
    '2 passed, 1 failed',
  ]);
  for (const breaks of ['() => process.exit(0)', '() => process.kill(process.pid)', '}']) {
    const outcome = run({ ...good, 'b/two.test.mjs': [breaks] });
    assert.equal(outcome, [1, '2 1 0', '1 passed, 1 failed'], breaks);
  }
});

test('no file at all fails it', () => {
  assert.equal(run({ 'a.mjs': [] }), [1, '0 0 0', '0 passed, 0 failed']);
});

test.run();
