import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { launchChromium } from '../../../test/helpers/servers/browser.ts';
import { ISOLATION, serveSite } from '../../../test/runtimes/hosts/site.ts';
import type { Contender } from './contender.ts';

/** Loads the model that the address names; `complete` answers with wllama's own timings. */
const PAGE = `<!doctype html><script type="module">
  import { Wllama } from '/esm/index.js';
  const wllama = new Wllama({ default: '/esm/wasm/wllama.wasm' }, { suppressNativeLog: true });
  globalThis.load = async (file, n_ctx) => {
    const blob = await (await fetch(file)).blob();
    await wllama.loadModel([blob], { n_threads: 1, n_gpu_layers: 0, n_ctx, n_batch: 512, n_parallel: 1 });
    return wllama.getNumThreads();
  };
  globalThis.complete = async (prompt, max_tokens, cache_prompt) => {
    const { timings } = await wllama.createCompletion({
      prompt, max_tokens, cache_prompt, temperature: 0, ignore_eos: true,
    });
    return timings;
  };
</script>`;

interface Timings {
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly predicted_n: number;
  readonly predicted_ms: number;
}

/**
 * wllama in headless Chromium, isolated from other origins as its threads want, but on one thread.
 *
 * @param onProcess told the process of the browser
 */
export async function openWllama(
  modules: string,
  path: string,
  contextLength: number,
): Promise<Contender> {
  const browser = await launchChromium();
  if ('missing' in browser) throw new Error(browser.missing);
  const folder = dirname(path);
  writeFileSync(join(folder, 'wllama.html'), PAGE);
  const site = await serveSite({
    folders: [folder, `${modules}@wllama/wllama`],
    page: 'wllama.html',
    headers: ISOLATION,
  });
  const page = await browser.newPage();
  await page.goto(site.address);
  await page.waitForFunction('globalThis.load !== undefined');
  await page.evaluate(`load(${JSON.stringify(`/${basename(path)}`)}, ${contextLength})`);
  let length = 0;
  const complete = (tokens: number, isKept: boolean) =>
    page.evaluate(
      `complete(${JSON.stringify(promptText(length))}, ${tokens}, ${isKept})`,
    ) as Promise<Timings>;
  const evaluate = async (isKept: boolean) => {
    const { prompt_n: tokens, prompt_ms: ms } = await complete(1, isKept);
    return { tokens, seconds: ms / 1000 };
  };
  return {
    async prefill(tokens) {
      length = tokens;
      return (await evaluate(false)).seconds;
    },
    async extend(tokens) {
      length = tokens;
      return evaluate(true);
    },
    async decode(tokens) {
      const timings = await complete(tokens, true);
      return timings.predicted_ms / timings.predicted_n / 1000;
    },
    async dispose() {
      await browser.close();
      site.close();
    },
  };
}

/** A text of so many tokens in the vocabulary of the random models: each letter is one. */
function promptText(tokens: number): string {
  return Array.from({ length: tokens }, (_, i) => (i % 6 === 5 ? ' ' : 'abcdefghk'[(i * 7) % 9]))
    .join('')
    .trimEnd()
    .padEnd(tokens, 'a');
}
