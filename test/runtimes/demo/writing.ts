import * as assert from 'uvu/assert';
import { loadModel } from '../../../src/index.ts';
import { SHIPPED_MODEL } from '../../../src/cli/package-files.ts';
import { crashGpu } from '../../gpu/chromium.ts';
import { type Check, DESKTOP, FOLDER, PHONE, statusBegins } from './page.ts';
import {
  focused,
  openAll,
  pickFolder,
  pressUntil,
  setOptions,
  shares,
  storyReaches,
  tab,
  textOf,
} from './probes.ts';

/** Chance would end some texts early. */
const LIKELIEST = { temperature: '0' };
/** SwiftShader compiles the shaders of the shipped model in 10 to 25 s. */
const GPU_DEADLINE = 300_000;

/** Prompt, text, stop, figures, and who computes. */
export function testWriting(check: Check): void {
  check('writes by keyboard alone: prompt, Ctrl+Enter, Escape, on from there', async (demo) => {
    const page = await demo.visit(DESKTOP);
    await setOptions(page, LIKELIEST);
    const stops: string[] = [];
    while (stops.at(-1) !== 'prompt' && stops.length < 20) stops.push(await tab(page));
    assert.equal(stops, ['prompt'], 'what a visitor came for is the first stop');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('The fox said');
    await page.keyboard.press('Control+Enter');
    await storyReaches(page, 60);
    await demo.screenshot(page, 'light-desktop-writing');
    await page.keyboard.press('Escape');
    await statusBegins(page, 'Stopped after \\d+ tokens');
    const text = await textOf(page, '#story');
    assert.ok(text.startsWith('The fox said'), text);
    assert.ok(Number(/\d+/.exec(await textOf(page, '#status'))![0]) < 400);

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

  check(
    'the same seed writes the text that Node writes, and the figures are true',
    async (demo) => {
      const page = await demo.visit(DESKTOP);
      await page.getByText('Options').click();
      await page.getByLabel('Temperature').fill('0');
      await page.getByLabel('Tokens at most').fill('150');
      await page.getByLabel('Seed').fill('7');
      await page.getByLabel('Pace').selectOption('as fast as it goes');
      await page.getByRole('button', { name: 'Write' }).click();

      const model = await loadModel(SHIPPED_MODEL, { backend: 'wasm' });
      const session = model.createSession();
      const request = 'Tell me a story about a red ball and a dog.';
      const messages = [{ role: 'user', content: request }];
      const options = { temperature: 0, maxTokens: 150, seed: 7 };
      const generation = session.generate({ messages }, options);
      const text = await generation.text();
      const isWhole = generation.finishReason === 'stop';
      const end = isWhole
        ? `The end, after ${generation.tokens.length} tokens`
        : '150 tokens, as many as asked for';
      await statusBegins(page, `${end}. Seed 7`);
      assert.is(await textOf(page, '#asked'), `${request}\n\n`);
      assert.is(await textOf(page, '#written'), text);
      const dense = model.info().denseCacheBytesPerToken * session.length;
      assert.is(dense, 2 * 8 * 32 * 4 * 6 * session.length);
      assert.is(await textOf(page, '#length'), String(session.length));
      const own = model.info().cacheBytesPerToken * session.length;
      assert.is(own, 2 * 2 * (8 + 32) * 4 * 6 * session.length);
      assert.is(await textOf(page, '#cache-bytes'), `${Math.round(own / 1000)} kB`);
      assert.is(await textOf(page, '#dense-bytes'), `${(dense / 1e6).toFixed(2)} MB`);
      assert.is(await textOf(page, '#cache-ratio'), '3.2×');
      assert.match(await textOf(page, 'h1'), /keeps them\s+3\.2 times\s+smaller/);
      model.dispose();

      for (const pair of ['bars', 'long']) {
        const [kept, usual] = await shares(page, pair);
        assert.ok(Math.abs(usual! / kept! - 3.2) < 0.01, 'the lanes are as long as they say');
        assert.ok(usual! <= 1 && usual! > 0.25);
      }
      assert.is(await textOf(page, '#cache-long dd'), '31.5 MB');
      const speed = Number((await textOf(page, '#speed')).replace(',', ''));
      assert.ok(speed > 0, `${speed} tokens/s`);
      assert.match(await textOf(page, '#first'), /^[\d.]+ m?s$/);
      const facts = await textOf(page, '#model-facts');
      assert.match(facts, 'backendwasm: the only adapter, google swiftshader, is software');
      assert.match(facts, 'threads1');
      assert.match(facts, 'downloadsfiles are kept in the cache');
      await demo.screenshot(page, 'light-desktop');
    },
  );

  check('the text follows its end, unless a reader went back', async (demo) => {
    const page = await demo.visit(PHONE);
    const sheet = page.getByRole('region', { name: 'Text', exact: true });
    const fromEnd = () =>
      sheet.evaluate((text) => text.scrollHeight - text.scrollTop - text.clientHeight);
    await openAll(page);
    await page.getByLabel('From this device').check();
    await pickFolder(page, FOLDER);
    await page.getByText('talking, on the processor').waitFor();
    await setOptions(page, { ...LIKELIEST, 'max-tokens': '500', pace: '40' });
    await page.getByLabel('Ask for a story').fill('The fox said. '.repeat(80));
    await page.getByRole('button', { name: 'Write' }).click();
    await storyReaches(page, 80 * 14 + 40);
    assert.ok((await fromEnd()) < 1, 'at the end');
    await sheet.focus();
    const top = () => sheet.evaluate(({ scrollTop }) => scrollTop);
    await pressUntil(page, 'Home', async () => (await top()) === 0);
    const length = (await textOf(page, '#story')).length;
    await storyReaches(page, length + 40);
    assert.is(await top(), 0, 'where the reader is');
    assert.ok((await fromEnd()) > 500);
    await pressUntil(page, 'End', async () => (await fromEnd()) < 1);
    const again = (await textOf(page, '#story')).length;
    await storyReaches(page, again + 120);
    assert.ok((await fromEnd()) < 1, 'at the end again');
  });

  check('says in one line what is wrong with an option, and goes on', async (demo) => {
    const page = await demo.visit(DESKTOP);
    await page.getByText('Options').click();
    await page.getByLabel('Temperature').fill('-1');
    await page.getByRole('button', { name: 'Write' }).click();
    const alert = page.locator('#write').getByRole('alert');
    await alert
      .filter({ hasText: /^"temperature" expected a finite number >= 0, got -1$/ })
      .waitFor();
    await page.getByLabel('Temperature').fill('1');
    await page.getByLabel('Tokens at most').fill('5');
    await page.getByRole('button', { name: 'Write' }).click();
    await statusBegins(page, '5 tokens');
    assert.is(await alert.textContent(), '');
  });

  check('a GPU is used where it is asked for, and one that is lost is told', async (demo) => {
    const page = await demo.visit(DESKTOP);
    await setOptions(page, LIKELIEST);
    await openAll(page);
    await page.getByLabel('Computed by').selectOption('the graphics chip');
    await page.getByRole('button', { name: 'Load' }).click();
    await page.getByText('stories, on the graphics chip').waitFor({ timeout: GPU_DEADLINE });
    await page.getByRole('button', { name: 'Write' }).click();
    await storyReaches(page, 30);
    await crashGpu(demo.browser);
    await statusBegins(page, 'Now on the processor: the GPU device was lost');
    assert.match(await textOf(page, '#model-facts'), 'backendwasm: the GPU device was lost');
    await statusBegins(page, '(400 tokens|The end)');
  });
}
