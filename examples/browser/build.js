/*
 * The page as a folder of files that any static host serves: `node build.js <folder> [folder of
 * tpa-wasm]`. Addresses are relative, no headers are needed, and the model is in it.
 */
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findPackage, HERE, modelsOf, standaloneOf } from './places.js';

/** What only servers and readers of this folder need. */
const LEFT_OUT = new Set(['build.js', 'places.js', 'serve.js', 'package.json', 'README.md']);

const [target, given] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write('"folder" expected where to write the page, e.g. node build.js demo\n');
  process.exit(1);
}
const folder = resolve(target);
const from = findPackage(given);
await mkdir(folder, { recursive: true });
const files = await readdir(HERE, { withFileTypes: true });
for (const file of files) {
  if (!file.isFile() || LEFT_OUT.has(file.name)) continue;
  await cp(join(HERE, file.name), join(folder, file.name));
}
await cp(standaloneOf(from), join(folder, 'tpa-wasm'), { recursive: true });
await cp(modelsOf(from), join(folder, 'models'), { recursive: true });
await writeFile(join(folder, 'places.json'), '{}\n'); // no onnxruntime-web: 25 MB more
process.stdout.write(`${folder}\n`);
