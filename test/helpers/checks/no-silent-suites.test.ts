import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('no-silent-suites');

const GUARD = new URL('no-silent-suites.ts', import.meta.url).href;
const UVU = import.meta.resolve('uvu');
const BIN = fileURLToPath(new URL('../../../node_modules/uvu/bin.js', import.meta.url));

/** The exit code of uvu over one file with one test, run with the guard. */
async function exitCode(body: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tpa-uvu-'));
  try {
    const text = `import { suite } from '${UVU}';\nconst t = suite('s');\nt('one', () => { ${body} });\nt('two', () => {});\nt.run();\n`;
    await writeFile(join(folder, 'one.test.mjs'), text);
    return await new Promise((resolve) => {
      const args = ['--import', 'tsx', '--import', GUARD, BIN, folder, 'test\\.mjs$'];
      execFile(process.execPath, args, (error) => resolve(Number(error?.code ?? 0)));
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a test that throws an error with details fails the run, a good one does not', async () => {
  assert.is(await exitCode('throw Object.assign(new Error("x"), { details: {} });'), 1);
  assert.is(await exitCode('throw new Error("x");'), 1);
  assert.is(await exitCode('throw undefined;'), 1);
  assert.is(await exitCode(''), 0);
});

test.run();
