import { fileURLToPath } from 'node:url';
import { build, version as esbuildVersion } from 'esbuild';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { launchChromium, SWIFTSHADER } from '../helpers/servers/browser.ts';
import { loadGolden } from '../helpers/checks/golden.ts';
import { goldenSource, livelyWeights } from '../helpers/models/t6-model.ts';
import { copyConsumer } from './consumer.ts';
import { findRuntime, type Missing } from './find.ts';
import {
  type Bundler,
  buildWithEsbuild,
  buildWithVite,
  buildWithWebpack,
} from './hosts/bundlers.ts';
import { type PageOutcome, runPage } from './hosts/chromium.ts';
import { POLICY } from './hosts/site.ts';
import type { RuntimeName } from './pins.ts';
import { installOnnxruntime, ONNXRUNTIME, writeFiles } from './workspace.ts';

const DISGUISE = fileURLToPath(new URL('../gpu/disguise.ts', import.meta.url));
/** What Vite says where it takes long. */
const REMARK = /\[PLUGIN_TIMINGS\]/;
const NO_WORKERS = "worker-src 'none'";

const PROMPT = [17, 3, 40, 22, 8];
const GREEDY = { temperature: 0, maxTokens: 8 };

/** Writes by the model beside the page. */
const WRITE = `
const config = await (await fetch('/config.json')).json();
const weights = new Uint8Array(await (await fetch('/model.safetensors')).arrayBuffer());
async function write(backend) {
  const webgpu = { worker: startGpuWorker };
  const model = await loadModel({ config, weights }, { backend, webgpu });
  const generation = model.createSession().generate([${PROMPT}], ${JSON.stringify(GREEDY)});
  for await (const token of generation);
  const { backend: used, backendReason: reason } = model.info();
  return { used, reason, tokens: generation.tokens };
}
const tryOut = (backend) => write(backend).catch(({ code, message }) => ({ code, message }));
const post = (body) => fetch('/report', { method: 'POST', body: JSON.stringify(body) });
`;
const STANDALONE = '/node_modules/tpa-wasm/dist/standalone';
const html = (script: string) =>
  `<!doctype html><title>WebGPU</title><script type="module" src="${script}"></script>`;
const PROGRAMS = {
  'page.js': `
import { loadModel } from 'tpa-wasm';
import { startGpuWorker } from 'tpa-wasm/webgpu';
${WRITE}
await post(await tryOut('webgpu'));`,
  'index.html': html('/page.js'),
  'esbuild/index.html': html('/page.js'),
  'webpack/index.html': html('/main.js'),
  'plain.js': `
import { loadModel } from '${STANDALONE}/index.js';
import { startGpuWorker } from '${STANDALONE}/webgpu.js';
import { disguiseAdapters } from './disguise.js';
${WRITE}
disguiseAdapters(); // "auto" takes no software
await post({ auto: await tryOut('auto'), webgpu: await tryOut('webgpu') });`,
  'plain.html': html('/plain.js'),
};

/** A page that is built and opened, and what must come of it. */
interface Trial {
  readonly title: string;
  open(browser: Browser): Promise<PageOutcome>;
  check(outcome: PageOutcome): void;
}

const golden = loadGolden('model_t6');
const source = goldenSource(golden, 'bf16', {}, livelyWeights(golden));
const tokens = await tokensOfNode();
const { folder, remove } = copyConsumer();

const test = suite('WebGPU in pages of Chromium');
const chromium = await launchChromium(SWIFTSHADER);
const trials = [
  fromInstalled('vite', buildWithVite),
  fromInstalled('webpack', buildWithWebpack),
  fromBundler('esbuild', `esbuild ${esbuildVersion}, told of the worker`, () =>
    buildWithEsbuild(folder, { 'gpu-worker': 'tpa-wasm/gpu-worker' }),
  ),
  withoutWorkers(),
];
try {
  await writeProject();
  // at once: each has its shaders compiled for 7 to 15 s
  await Promise.all(trials.map(register));
} finally {
  if (!('missing' in chromium)) await chromium.close();
  remove();
}
test.run();

/** Opens a page, and registers a test of what came of it. */
async function register(trial: Trial | Missing): Promise<void> {
  if ('missing' in trial) return skip(trial);
  if ('missing' in chromium) return skip(chromium, trial.title);
  const outcome = await trial.open(chromium).catch((error: unknown) => error as Error);
  test(trial.title, () => {
    if (outcome instanceof Error) throw outcome;
    trial.check(outcome);
  });
}

function skip({ missing }: Missing, title = 'a bundler'): void {
  process.stdout.write(`WebGPU in pages of Chromium: ${title} skipped, ${missing}\n`);
  test.skip(`${title} (${missing})`);
}

function fromInstalled(name: RuntimeName, bundler: Bundler): Trial | Missing {
  const found = findRuntime(name);
  if ('missing' in found) return found;
  const { title, version, program } = found;
  return fromBundler(name, `${title} ${version}`, () => bundler(folder, program));
}

/** What a bundler makes of page.js computes on the GPU, token for token as in Node. */
function fromBundler(
  output: string,
  title: string,
  bundle: () => Promise<readonly string[]>,
): Trial {
  return {
    title,
    async open(browser) {
      const warnings = (await bundle()).filter((warning) => !REMARK.test(warning));
      // what esbuild leaves where it is: the wasm of onnxruntime-web, beside the worker
      const folders = [`${folder}/${output}`, `${ONNXRUNTIME}/dist`, folder];
      const { posted, complaints } = await open(browser, folders, 'index.html', POLICY);
      return { posted, complaints: [...warnings, ...complaints] };
    },
    check({ posted, complaints }) {
      assert.equal(posted, { used: 'webgpu', reason: 'asked for', tokens });
      assert.equal(complaints, []);
    },
  };
}

function withoutWorkers(): Trial {
  return {
    title: 'no bundler, no workers allowed: the CPU, and why',
    open: (browser) => open(browser, [folder], 'plain.html', `${POLICY}; ${NO_WORKERS}`),
    check({ posted, complaints }) {
      const { auto, webgpu } = posted as Record<'auto' | 'webgpu', Record<string, unknown>>;
      assert.equal(auto.tokens, tokens);
      assert.is(auto.used, 'wasm');
      assert.is(webgpu.code, 'BACKEND_UNAVAILABLE');
      for (const text of [auto.reason, webgpu.message]) assert.match(String(text), /worker-src/);
      assert.is(complaints.length, 4, "the model's worker and the GPU's, each time");
      for (const complaint of complaints) assert.match(complaint, NO_WORKERS);
    },
  };
}

function open(browser: Browser, folders: string[], page: string, policy: string) {
  return runPage(browser, { folders, page, headers: { 'content-security-policy': policy } });
}

async function tokensOfNode(): Promise<readonly number[]> {
  const model = await loadModel(source, { backend: 'wasm' });
  const generation = model.createSession().generate(PROMPT, GREEDY);
  for await (const _ of generation);
  model.dispose();
  return generation.tokens;
}

/** A user's project with onnxruntime-web, the pages and the model. */
async function writeProject(): Promise<void> {
  installOnnxruntime(folder);
  writeFiles(folder, {
    ...PROGRAMS,
    'config.json': JSON.stringify(source.config),
    'model.safetensors': source.weights as Uint8Array,
  });
  await build({ entryPoints: [DISGUISE], outdir: folder, logLevel: 'warning' });
}
