import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { crashGpu } from '../gpu/chromium.ts';
import { Demo, silentAddress, statusBegins, type View } from './demo-page.ts';
import {
  faintTexts,
  focused,
  openAll,
  setOptions,
  shares,
  storyReaches,
  tab,
  textOf,
  writes,
} from './demo-probes.ts';

const MODEL = fileURLToPath(new URL('../../models/t6-fairytales', import.meta.url));
const DESKTOP: View = { width: 1280, height: 800, colorScheme: 'light' };
const PHONE: View = { width: 360, height: 740, colorScheme: 'dark' };
/** Chance would end some texts early. */
const LIKELIEST = { temperature: '0' };
/** SwiftShader compiles the shaders of the shipped model in 10 to 25 s. */
const GPU_DEADLINE = 90_000;

const test = suite('the demo page in Chromium');
const missing = Demo.missing();
let demo: Demo;

if (missing !== undefined) {
  test.skip(missing);
  process.stdout.write(`the demo page in Chromium: skipped, ${missing}\n`);
} else {
  test.before(async () => {
    demo = await Demo.open();
  });
  test.after(() => demo.close());
  test.after.each(() => assert.equal(demo.complaints, []));
  testWriting();
  testLoading();
  testAppearance();
}
test.run();

/** A test whose failure can be printed: what Playwright throws stops uvu. */
function check(name: string, body: () => Promise<void>): void {
  test(name, () =>
    body().catch((error: unknown) => {
      throw error instanceof assert.Assertion ? error : new Error(String(error));
    }),
  );
}

function testWriting(): void {
  check('writes by keyboard alone: prompt, Ctrl+Enter, Escape, on from there', async () => {
    const page = await demo.visit(DESKTOP);
    await setOptions(page, LIKELIEST);
    const stops: string[] = [];
    while (stops.at(-1) !== 'prompt' && stops.length < 20) stops.push(await tab(page));
    assert.equal(stops, ['summary', 'source', 'backend', 'Load', 'prompt']);
    await page.keyboard.press('Control+a');
    await page.keyboard.type('The fox said');
    await page.keyboard.press('Control+Enter');
    await storyReaches(page, 60);
    await demo.screenshot(page, 'light-desktop-writing');
    await page.keyboard.press('Escape');
    await statusBegins(page, 'Stopped after \\d+ tokens');
    const text = await textOf(page, '#story');
    assert.ok(text.startsWith('The fox said'), text);
    assert.ok(Number(/\d+/.exec(await textOf(page, '#status'))![0]) < 120);

    assert.equal([await tab(page), await tab(page)], ['Write', 'Go on']);
    await page.keyboard.press('Enter');
    await storyReaches(page, text.length + 1);
    assert.is(await focused(page), 'Stop');
    await page.keyboard.press('Enter');
    await statusBegins(page, 'Stopped');
    assert.is(await focused(page), 'Write');
    assert.ok((await textOf(page, '#story')).startsWith(text), 'goes on');
    const ended = await textOf(page, '#story');
    await page.waitForTimeout(200);
    assert.is(await textOf(page, '#story'), ended, 'nothing follows a stop');
  });

  check('the same seed writes the text that Node writes, and the figures are true', async () => {
    const page = await demo.visit(DESKTOP);
    await page.getByText('Options').click();
    await page.getByLabel('Temperature').fill('0');
    await page.getByLabel('Tokens at most').fill('150');
    await page.getByLabel('Seed').fill('7');
    await page.getByLabel('Pace').selectOption('as fast as it goes');
    await page.getByRole('button', { name: 'Write' }).click();
    await statusBegins(page, '150 tokens, as many as asked for. Seed 7');

    const model = await loadModel(MODEL, { backend: 'wasm' });
    const session = model.createSession();
    const options = { temperature: 0, maxTokens: 150, seed: 7 };
    const text = await session.generate('Once upon a time', options).text();
    assert.is(await textOf(page, '#written'), text);
    const dense = model.info().denseCacheBytesPerToken * session.length;
    assert.is(dense, 2 * 8 * 32 * 4 * 4 * session.length);
    assert.is(await textOf(page, '#length'), String(session.length));
    assert.is(await textOf(page, '#cache-bytes'), `${Math.round(session.byteLength / 1000)} kB`);
    assert.is(await textOf(page, '#dense-bytes'), `${(dense / 1e6).toFixed(2)} MB`);
    const ratio = (dense / session.byteLength).toFixed(2);
    assert.is(await textOf(page, '#cache-ratio'), `${ratio}× smaller`);
    model.dispose();

    const [own, other] = await shares(page);
    assert.ok(Math.abs(other! / own! - Number(ratio)) < 0.01, 'the bars are as long as they say');
    assert.ok(other! <= 1 && other! > 0.25);
    assert.match(await textOf(page, '.bars'), 'MHA, same heads');
    const speed = Number((await textOf(page, '#speed')).replace(',', ''));
    assert.ok(speed > 10 && speed < 100_000, `${speed} tokens/s`);
    assert.match(await textOf(page, '#first'), /^[\d.]+ m?s$/);
    const facts = await textOf(page, '#model-facts');
    assert.match(facts, 'backendwasm: the only adapter, google swiftshader, is software');
    assert.match(facts, 'threads1');
    assert.match(facts, 'downloadsfiles are kept in the cache');
    await demo.screenshot(page, 'light-desktop');
  });

  check('says in one line what is wrong with an option, and goes on', async () => {
    const page = await demo.visit(DESKTOP);
    await page.getByText('Options').click();
    await page.getByLabel('Temperature').fill('-1');
    await page.getByRole('button', { name: 'Write' }).click();
    const alert = page.getByRole('alert');
    await alert
      .filter({ hasText: /^"temperature" expected finite number >= 0, got -1$/ })
      .waitFor();
    await page.getByLabel('Temperature').fill('1');
    await page.getByLabel('Tokens at most').fill('5');
    await page.getByRole('button', { name: 'Write' }).click();
    await statusBegins(page, '5 tokens');
    assert.is(await alert.textContent(), '');
  });

  check('a GPU is used where it is asked for, and one that is lost is told', async () => {
    const page = await demo.visit(DESKTOP);
    await setOptions(page, LIKELIEST);
    await page.getByLabel('Computed by').selectOption('webgpu');
    await page.getByRole('button', { name: 'Load' }).click();
    await page.getByText('fairy tales, on webgpu').waitFor({ timeout: GPU_DEADLINE });
    await page.getByRole('button', { name: 'Write' }).click();
    await storyReaches(page, 30);
    await crashGpu(demo.browser);
    await statusBegins(page, 'Now on wasm: the GPU device was lost');
    assert.match(await textOf(page, '#model-facts'), 'backendwasm: the GPU device was lost');
    await statusBegins(page, '120 tokens');
  });
}

function testLoading(): void {
  check('a bad address is told, and the model in use stays', async () => {
    const page = await demo.visit(DESKTOP);
    await page.getByLabel('From an address').check();
    await page.getByRole('button', { name: 'Load' }).click();
    const alert = page.getByRole('alert');
    await alert.filter({ hasText: 'type the address of a folder' }).waitFor();
    await page.getByLabel('Address of its folder').fill('none/');
    await page.keyboard.press('Enter');
    await alert.filter({ hasText: 'expected a file "config.json", found none' }).waitFor();
    await page.getByLabel('Address of its folder').fill('http://127.0.0.1:1/');
    await page.keyboard.press('Enter');
    await alert.filter({ hasText: 'model file "config.json"' }).waitFor();
    demo.complaints.length = 0; // the browser tells of addresses that do not answer by itself
    assert.is(await textOf(page, '#model-name'), 'fairy tales, on wasm');
    await writes(page);
  });

  check('loading can be cancelled, focus stays there', async () => {
    const page = await demo.visit(DESKTOP);
    const address = await silentAddress();
    await page.getByLabel('From an address').check();
    await page.getByLabel('Address of its folder').fill(address);
    await page.getByRole('button', { name: 'Load' }).focus();
    await page.keyboard.press('Enter');
    await statusBegins(page, `Loading ${address}`);
    await page.getByRole('progressbar', { name: 'Loading the model' }).waitFor();
    assert.is(await focused(page), 'Cancel');
    await page.keyboard.press('Enter');
    await statusBegins(page, 'Loading was cancelled');
    assert.is(await focused(page), 'Load');
    assert.is(await textOf(page, '#error'), '');
    await writes(page);
  });

  check('a model is switched for one at an address, while it writes', async () => {
    const page = await demo.visit(DESKTOP);
    await page.getByRole('button', { name: 'Write' }).click();
    await storyReaches(page, 30);
    await page.getByLabel('From an address').check();
    await page.getByLabel('Address of its folder').fill('model');
    await page.getByLabel('Computed by').selectOption('wasm');
    await page.getByRole('button', { name: 'Load' }).click();
    await page.getByText(`${demo.address}model, on wasm`).waitFor();
    assert.match(await textOf(page, '#model-facts'), 'backendwasm: asked for');
    await writes(page);
  });

  check('a model is read from files that are picked, and what is missing is named', async () => {
    const page = await demo.visit(DESKTOP);
    const pick = async (names: readonly string[]) => {
      const files = names.map((name) => `${MODEL}/${name}`);
      await page.getByLabel('or its files').setInputFiles(files);
      await page.getByRole('button', { name: 'Load' }).click();
    };
    await page.getByLabel('From this device').check();
    await pick(['tokenizer.json']);
    await page.getByRole('alert').filter({ hasText: 'a file "config.json"' }).waitFor();
    await pick(['config.json', 'model.safetensors', 'tokenizer.json']);
    await page.getByText('config.json, on wasm').waitFor();
    await writes(page);
    await page.getByLabel('or its files').setInputFiles([]);
    await page.getByLabel('Its folder', { exact: true }).setInputFiles(MODEL);
    await page.getByRole('button', { name: 'Load' }).click();
    await page.getByText('t6-fairytales, on wasm').waitFor();
    await writes(page);
  });
}

function testAppearance(): void {
  for (const view of [DESKTOP, { ...DESKTOP, width: 820 }, PHONE]) {
    const { width, colorScheme } = view;
    check(`fits ${width} pixels, is readable in ${colorScheme} and the other`, async () => {
      const page = await demo.visit(view);
      await writes(page);
      if (view === PHONE) await demo.screenshot(page, 'dark-phone');
      await openAll(page);
      for (const source of ['From an address', 'From this device']) {
        await page.getByLabel(source).check();
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.is(overflow, 0, source);
      }
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        assert.equal(await faintTexts(page), [], scheme);
      }
    });
  }

  check('every control has a name, and the text is not read out word by word', async () => {
    const page = await demo.visit(DESKTOP);
    await openAll(page);
    for (const source of ['From an address', 'From this device']) {
      await page.getByLabel(source).check();
      const tree = await page.locator('body').ariaSnapshot();
      const controls = tree.match(/- (button|textbox|radio|combobox|spinbutton|progressbar)\b.*/g)!;
      assert.ok(controls.length >= 12, tree);
      assert.equal(
        controls.filter((line) => !/^- \w+ "[^"]+"/.test(line)),
        [],
      );
    }
    const live = page.locator('[aria-live]:not([aria-live=off]), [role=status], [role=alert]');
    assert.is(await live.count(), 2);
    assert.is(await page.locator('#story').getAttribute('aria-live'), 'off');
  });

  check('nothing moves where that is not wanted', async () => {
    const page = await demo.visit(DESKTOP);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.getByRole('button', { name: 'Write' }).click();
    await page.locator('.growing').waitFor();
    const moves = await page.evaluate(`[
      getComputedStyle(document.querySelector('#written'), '::after').animationName,
      getComputedStyle(document.querySelector('#cache-bar'), '::after').transitionDuration,
    ]`);
    assert.equal(moves, ['none', '0s']);
  });
}
