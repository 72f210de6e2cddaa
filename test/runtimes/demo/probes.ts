import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { statusBegins } from './page.ts';

/** Text of an element. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.textContent(selector)) ?? '';
}

/** What has the focus: its field name, its text or what it is. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(`(() => {
    const { name, localName, textContent } = document.activeElement;
    return name || (localName === 'button' ? textContent : localName);
  })()`);
}

/** What has the focus after one more press of Tab; it has to be seen that it has. */
export async function tab(page: Page): Promise<string> {
  await page.keyboard.press('Tab');
  const width = await page.evaluate('getComputedStyle(document.activeElement).outlineWidth');
  assert.is(width, '3px');
  return focused(page);
}

/** Waits until prompt and text have so many characters; the policy forbids `waitForFunction`. */
export async function storyReaches(page: Page, characters: number): Promise<void> {
  const story = page.locator('#story').filter({ hasText: new RegExp(`[^]{${characters}}`) });
  await story.waitFor();
}

/** Presses a key until it has scrolled there: text that comes meanwhile may undo it, rarely twice. */
export async function pressUntil(
  page: Page,
  key: string,
  isThere: () => Promise<boolean>,
): Promise<void> {
  for (let press = 0; press === 0 || !(await isThere()); press++) {
    assert.ok(press < 500, `${key} leads nowhere`);
    await page.keyboard.press(key);
  }
}

/** Sets what is under Options without unfolding it. */
export function setOptions(page: Page, options: Readonly<Record<string, string>>): Promise<void> {
  return page.evaluate((values) => {
    for (const [id, value] of Object.entries(values)) {
      document.querySelector<HTMLInputElement>(`#${id}`)!.value = value;
    }
  }, options);
}

/** Whether the model in use writes. */
export async function writes(page: Page): Promise<void> {
  await setOptions(page, { temperature: '0', 'max-tokens': '40', pace: '' });
  await page.getByLabel('Ask for a story').fill('The wolf');
  await page.getByRole('button', { name: 'Write' }).click();
  await statusBegins(page, '(40 tokens|The end)');
  const text = await textOf(page, '#story');
  assert.ok(text.startsWith('The wolf') && text.length > 60, text);
}

/** Has the page load a model from a folder of this device. */
export async function pickFolder(page: Page, folder: string): Promise<void> {
  await page.getByLabel('Its folder', { exact: true }).setInputFiles(folder);
  await page.getByRole('button', { name: 'Load' }).click();
}

/** Unfolds all that can be. */
export function openAll(page: Page): Promise<void> {
  return page.evaluate(
    "document.querySelectorAll('details').forEach((part) => (part.open = true))",
  );
}

/** How far each lane of a pair is filled, 0 to 1, once it has stopped growing. */
export function shares(page: Page, pair: string): Promise<number[]> {
  return page.evaluate(`(async () => {
    const growing = document.querySelector('#${pair}').getAnimations({ subtree: true });
    await Promise.allSettled(growing.map((animation) => animation.finished));
    return [...document.querySelectorAll('#${pair} .bar')].map((bar) =>
      Number.parseFloat(getComputedStyle(bar, '::after').backgroundSize) / 100);
  })()`);
}

/** Contrast of two colours as WCAG 2 counts it, as a page computes it. */
const CONTRAST = `
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) =>
      c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (...colors) => {
    const [low, high] = colors.map(luminance).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };`;

/** Contrast of each lane with its track, which must be 3 (WCAG 2.1, AA). */
export function barContrasts(page: Page): Promise<number[]> {
  return page.evaluate(`(() => {${CONTRAST}
    return [...document.querySelectorAll('.bar')].map((bar) => {
      const { backgroundImage, backgroundColor } = getComputedStyle(bar, '::after');
      return contrast(/rgb\\([^)]*\\)/.exec(backgroundImage)[0], backgroundColor);
    });
  })()`);
}

/** Texts whose contrast with what is behind them is less than 4.5 (WCAG 2, AA). */
export function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {${CONTRAST}
    const behind = (element) => {
      const { backgroundColor } = getComputedStyle(element);
      const [, , , alpha = 1] = channels(backgroundColor);
      return alpha === 1 ? backgroundColor : behind(element.parentElement);
    };
    const ownText = (element) => [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '');
    const faint = [];
    for (const element of document.body.querySelectorAll('*')) {
      if (!element.checkVisibility() || !(ownText(element) || element.matches('input, select'))) continue;
      const against = contrast(getComputedStyle(element).color, behind(element));
      if (against < 4.5) faint.push(element.localName + ' ' + element.textContent.trim().slice(0, 40) + ' ' + against.toFixed(2));
    }
    return faint;
  })()`);
}
