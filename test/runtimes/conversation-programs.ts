import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { html } from '../worker/greeting.ts';
import { encodeAssets } from './conformance/assets.ts';
import type { Given } from './conformance/conversations.ts';
import { goldenAssets } from './golden-assets.ts';
import { writeFiles } from './workspace.ts';

const CONVERSATIONS = fileURLToPath(new URL('./conformance/conversations.ts', import.meta.url));

/** `converse` in a process, in a request and in a page that has no bundler. */
const PROGRAMS = {
  'process.js': `
import * as tpa from 'tpa-wasm';
import assets from './assets.js';
import given from './given.js';
import { converse } from './conversations.js';
console.log(JSON.stringify(await converse(tpa, assets, given, process.argv[2])));
`,
  'worker.js': `
import * as tpa from 'tpa-wasm';
import assets from './assets.js';
import given from './given.js';
import { converse } from './conversations.js';
export default {
  async fetch({ url }) {
    const setting = decodeURIComponent(new URL(url).search.slice(1));
    return Response.json(await converse(tpa, assets, given, setting));
  },
};
`,
  'page.js': `
import * as tpa from '/node_modules/tpa-wasm/dist/standalone/index.js';
import assets from './assets.js';
import given from './given.js';
import { converse } from './conversations.js';
const setting = decodeURIComponent(location.search.slice(1));
const conversations = await converse(tpa, assets, given, setting).catch(String);
const body = JSON.stringify(conversations);
await fetch('/report', { method: 'POST', body });
`,
  'page.html': html('/page.js'),
};

/** Adds them and all that they need to a user's project. */
export async function writePrograms(folder: string): Promise<void> {
  await build({
    entryPoints: [CONVERSATIONS],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    outdir: folder,
    logLevel: 'warning',
  });
  const assets = JSON.stringify(encodeAssets(goldenAssets()));
  writeFiles(folder, { ...PROGRAMS, 'assets.js': `export default ${assets};` });
}

/** Gives the programs snapshots to go on with. */
export function giveSnapshots(folder: string, given: readonly Given[]): void {
  writeFiles(folder, { 'given.js': `export default ${JSON.stringify(given)};` });
}
