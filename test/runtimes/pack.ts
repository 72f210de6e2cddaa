/*
 * `npm run consumer`: packs the package as it is built and installs the tarball, as a user would,
 * into .runtimes/consumer or the folder that is named.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONSUMER } from './consumer.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const [folder = CONSUMER] = process.argv.slice(2);
/** What is not yet whole has another name. */
const unfinished = `${folder}.unfinished`;

for (const old of [folder, unfinished]) rmSync(old, { recursive: true, force: true });
mkdirSync(unfinished, { recursive: true });
try {
  const packed = npm(['pack', '--json', '--pack-destination', dirname(folder)]);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  writeFileSync(`${unfinished}/package.json`, '{ "private": true, "type": "module" }');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund'];
  npm(['install', '--prefix', unfinished, ...flags, `${dirname(folder)}/${filename}`]);
  renameSync(unfinished, folder);
  process.stdout.write(`installed ${filename}\n`);
} finally {
  rmSync(unfinished, { recursive: true, force: true });
}

function npm(args: readonly string[]): string {
  return execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
}
