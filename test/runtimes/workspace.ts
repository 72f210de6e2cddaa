import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { encodeAssets } from './conformance/assets.ts';
import { PROGRAMS } from './conformance/programs.ts';
import { type Consumer, copyConsumer } from './consumer.ts';
import { goldenAssets } from './golden-assets.ts';

const SUITE = fileURLToPath(new URL('./conformance/', import.meta.url));
/** The optional peer, as the repository has it. */
export const ONNXRUNTIME = fileURLToPath(
  new URL('../../node_modules/onnxruntime-web', import.meta.url),
);

/** A user's project with the suite in it: of the working tree only what is in test/. */
export async function openWorkspace(): Promise<Consumer> {
  const consumer = copyConsumer();
  const { folder } = consumer;
  await build({
    entryPoints: { suite: `${SUITE}suite.ts`, guard: `${SUITE}guard.ts` },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    // uvu's colours read the environment, which Deno would have to permit
    define: { process: 'undefined' },
    outdir: folder,
    logLevel: 'warning',
  });
  const assets = encodeAssets(goldenAssets());
  const files = {
    ...PROGRAMS,
    'assets/assets.json': assets,
    'assets.js': `export default ${JSON.stringify(assets)};`,
  };
  writeFiles(folder, files);
  return consumer;
}

/** Writes files by their paths in a folder. */
export function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(`${folder}/${file}`), { recursive: true });
    writeFileSync(`${folder}/${file}`, content);
  }
}

/** Adds it to a project; bundlers follow the link, and find its dependencies there. */
export function installOnnxruntime(folder: string): void {
  symlinkSync(ONNXRUNTIME, `${folder}/node_modules/onnxruntime-web`);
}
