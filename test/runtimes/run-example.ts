/*
 * `npm run example -- NAME [ARGUMENTS]`: a copy of examples/NAME, with the package as it is built
 * installed, started by its own `npm start`.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyConsumer } from './consumer.ts';
import { findRuntime } from './find.ts';

const [name = '', ...args] = process.argv.slice(2);
const source = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
if (!/^[a-z-]+$/.test(name) || !existsSync(`${source}/package.json`)) {
  process.stderr.write(`expected the name of a folder of examples/, got "${name}"\n`);
  process.exit(2);
}

const found = (['node', 'deno', 'bun', 'workerd'] as const).map(findRuntime);
const programs = found.flatMap((runtime) => ('missing' in runtime ? [] : [runtime.program]));
const path = [...programs.map((program) => dirname(program)), process.env['PATH']].join(':');
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
