import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findRuntime } from './find.ts';
import type { RuntimeName } from './pins.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAX_BYTES = 800_000;

const folder = mkdtempSync(join(tmpdir(), 'tpa-package-'));
const tarball = pack(ROOT, 'first');

const test = suite('the tarball');

test.after(() => rmSync(folder, { recursive: true, force: true }));

test(`is at most ${MAX_BYTES} bytes without the model`, () => {
  execFileSync('tar', ['-xzf', tarball, '-C', folder]);
  rmSync(join(folder, 'package/models'), { recursive: true });
  const { size } = statSync(pack(join(folder, 'package'), 'small'));
  assert.ok(size <= MAX_BYTES, `${size} bytes`);
});

test('has the same bytes when everything is built and packed again', () => {
  execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'ignore' });
  assert.is(sha256(pack(ROOT, 'again')), sha256(tarball));
});

lint('publint', 'publint finds nothing', (modules) => [
  `${modules}publint/src/cli.js`,
  'run',
  tarball,
  '--strict',
]);

lint('attw', 'its types resolve (Are the types wrong?)', (modules) => [
  `${modules}@arethetypeswrong/cli/dist/index.js`,
  tarball,
  '--profile=esm-only',
  '--no-emoji',
  '--exclude-entrypoints',
  './tpa-baseline.wasm',
  './tpa-relaxed.wasm',
]);

test.run();

/** A test that a linter of packages is content; it exits with another status than 0 if not. */
function lint(name: RuntimeName, title: string, args: (modules: string) => string[]): void {
  const found = findRuntime(name);
  if ('missing' in found) {
    process.stdout.write(`skipped: ${found.missing}\n`);
    test.skip(`${title} (${found.missing})`, () => {});
    return;
  }
  test(title, () => {
    execFileSync(process.execPath, args(found.modules), { encoding: 'utf8', stdio: 'pipe' });
  });
}

/** The tarball of a package, in a folder of its own. */
function pack(root: string, name: string): string {
  const to = join(folder, name);
  mkdirSync(to);
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', to], {
    cwd: root,
    stdio: 'ignore',
  });
  return join(to, readdirSync(to)[0]!);
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
