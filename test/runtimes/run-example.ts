/*
 * `npm run example -- NAME [ARGUMENTS]`: a copy of examples/NAME, with the package as it is built
 * installed, started by its own `npm start`. Of the runtimes that one is installed that it needs.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyConsumer } from './consumer.ts';
import { findRuntime } from './find.ts';
import { EXAMPLE_RUNTIMES } from './pins.ts';

const [name = '', ...args] = process.argv.slice(2);
const source = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
if (!/^[a-z-]+$/.test(name) || !existsSync(`${source}/package.json`)) {
  process.stderr.write(`expected the name of a folder of examples/, got "${name}"\n`);
  process.exit(2);
}

const path = [...programFolders(), process.env['PATH']].join(':');
const { folder, remove } = copyConsumer();
cpSync(source, folder, { recursive: true });
const child = spawn('npm', ['start', '--silent', '--', ...args], {
  cwd: folder,
  env: { ...process.env, PATH: path },
  stdio: 'inherit',
  detached: true, // a group of its own: npm passes no signals on to the program below its shell
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => process.kill(-child.pid!, signal)); // it ends first
}
child.on('close', (status) => {
  remove();
  process.exitCode = status ?? 1;
});

/** Where the runtime of the example is; nothing where it runs in this Node, or in what the machine has. */
function programFolders(): string[] {
  const runtime = EXAMPLE_RUNTIMES[name];
  if (runtime === undefined) return [];
  const install = fileURLToPath(new URL('install.ts', import.meta.url));
  execFileSync(process.execPath, ['--import', 'tsx', install, runtime], { stdio: 'inherit' });
  const found = findRuntime(runtime);
  return 'missing' in found ? [] : [dirname(found.program)];
}
