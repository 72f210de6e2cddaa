import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';
import { runInThisContext } from 'node:vm';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { KernelBinaries } from '../../src/wasm/delivery/kernel-binaries.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';

const DIST = fileURLToPath(new URL('../../dist/wasm/', import.meta.url));

const test = suite('#wasm');

test('Node reads the files', async () => {
  await assertFiles(await load(join(DIST, 'node.js')));
});

test('Node takes the embedded bytes where a bundler left the files behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tpa-delivery-'));
  try {
    for (const file of ['node.js', 'baseline.js', 'relaxed.js']) {
      cpSync(join(DIST, file), join(folder, file));
    }
    cpSync(join(DIST, '../../package.json'), join(folder, 'package.json'));
    await assertFiles(await load(join(folder, 'node.js')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a bundle of CommonJS, where modules have no address, takes the embedded bytes', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(DIST, 'node.js')],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    write: false,
    logLevel: 'silent',
  });
  const module = { exports: {} as { default: KernelBinaries } };
  const code = outputFiles[0]!.text;
  runInThisContext(`(module, exports, require) => {${code}\n}`)(
    module,
    module.exports,
    createRequire(import.meta.url),
  );
  await assertFiles(module.exports.default);
});

test('the embedded bytes are those of the files', async () => {
  await assertFiles(await load(join(DIST, 'embedded.js')));
});

test('workers that compile no bytes import the files', () => {
  for (const [file, query] of [
    ['workerd.js', ''],
    ['edge-light.js', '?module'],
  ] as const) {
    const text = readFileSync(join(DIST, file), 'utf8');
    for (const name of BINARIES)
      assert.ok(text.includes(`from "./tpa-${name}.wasm${query}"`), file);
  }
});

test('conditions come in the order in which runtimes must find them', () => {
  const { imports } = JSON.parse(readFileSync(join(DIST, '../../package.json'), 'utf8')) as {
    imports: Record<string, Record<string, string>>;
  };
  const order = ['workerd', 'edge-light', 'browser', 'deno', 'bun', 'node', 'default'];
  for (const name of ['#wasm', '#cache', '#worker']) {
    assert.equal(Object.keys(imports[name]!), order, name);
  }
});

test.run();

async function load(path: string): Promise<KernelBinaries> {
  const module = (await import(pathToFileURL(path).href)) as { default: KernelBinaries };
  return module.default;
}

/** Asserts that both binaries come as bytes, those of the files. */
async function assertFiles(binaries: KernelBinaries): Promise<void> {
  for (const name of BINARIES) {
    const bytes = await binaries[name]();
    assert.not(bytes instanceof WebAssembly.Module);
    const found = Buffer.from(await new Response(bytes as BufferSource).arrayBuffer());
    assert.equal(found, readFileSync(join(DIST, `tpa-${name}.wasm`)));
  }
}
