/*
 * `npm run consumer`: packs the package as it is built and installs the tarball, as a user would,
 * into .runtimes/consumer.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CONSUMER } from './consumer.ts';
import { RUNTIMES } from './find.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

mkdirSync(RUNTIMES, { recursive: true });
const packed = npm(['pack', '--json', '--pack-destination', RUNTIMES]);
const [{ filename }] = JSON.parse(packed) as [{ filename: string }];

rmSync(CONSUMER, { recursive: true, force: true });
mkdirSync(CONSUMER);
writeFileSync(`${CONSUMER}/package.json`, '{ "private": true, "type": "module" }');
const flags = ['--ignore-scripts', '--no-audit', '--no-fund'];
npm(['install', '--prefix', CONSUMER, ...flags, `${RUNTIMES}${filename}`]);
process.stdout.write(`installed ${filename}\n`);

function npm(args: readonly string[]): string {
  return execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
}
