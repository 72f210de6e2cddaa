import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Pin, PINS } from '../runtimes/pins.ts';
import { type Block, ROOT } from './blocks.ts';
import type { Project } from './project.ts';

interface Manifest {
  readonly name: string;
  readonly scripts?: object;
  readonly peerDependencies?: object;
}

/** The commands of a `sh` block, one by one. */
export function commandsOf({ code }: Block): string[] {
  const lines = code.split('\n').map((line) => line.replace(/(^|\s)#.*$/, '').trim());
  return lines.filter((line) => line !== '').flatMap((line) => line.split(/\s*&&\s*/));
}

/**
 * Runs a command of the command line; of others, which install, build or never end, it checks
 * that what they name exists.
 *
 * @returns whether it ran
 * @throws Error if it failed, or names what does not exist
 */
export function tryCommand(command: string, { file }: Block, project: Project): boolean {
  const words = command.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const [program = '', ...args] = words.map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
  const isOurs = `${program} ${args[0]}`;
  if (isOurs === 'npx tpa-wasm' || isOurs === 'node dist/cli.js') {
    project.node(['dist/cli.js', ...args.slice(1)], 'Hello\n');
    return true;
  }
  const folders = [ROOT, join(ROOT, dirname(file))];
  if (program === 'npm') checkNpm(args, folders);
  else if (program.startsWith('.runtimes/')) checkRuntime(program);
  // a request to a server of examples/, which test/runtimes/example-addresses.matrix.ts starts
  else if (program === 'curl') JSON.parse(args[args.indexOf('-d') + 1] ?? '');
  else if (program !== 'node' && program !== 'bash') throw new Error(`"${program}" is unknown`);
  for (const path of args.filter((word) => /^[\w./-]+\.(js|mjs|ts|sh)$/.test(word))) {
    if (!folders.some((folder) => existsSync(join(folder, path)))) throw missing(path);
  }
  return false;
}

/** Scripts and packages are those of the repository and of the folder that the document is in. */
function checkNpm([verb = '', ...rest]: readonly string[], folders: readonly string[]): void {
  const manifests = folders
    .map((folder) => join(folder, 'package.json'))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as Manifest);
  const known = new Set(
    manifests.flatMap(({ name, scripts, peerDependencies }) => [
      name,
      ...Object.keys({ ...scripts, ...peerDependencies }),
    ]),
  );
  const byVerb: Readonly<Record<string, readonly string[]>> = {
    ci: [],
    i: rest,
    install: rest,
    run: rest.slice(0, 1),
    start: ['start'],
    test: ['test'],
  };
  const named = byVerb[verb] ?? [`npm ${verb}`];
  for (const name of named) if (!known.has(name)) throw missing(name);
}

/** A program of `npm run runtimes`, which may not be installed. */
function checkRuntime(path: string): void {
  const [, name = '', , ...rest] = path.split('/');
  const pins: Readonly<Record<string, Pin>> = PINS;
  if (pins[name]?.program !== rest.join('/')) throw missing(path);
}

function missing(what: string): Error {
  return new Error(`"${what}" does not exist`);
}
