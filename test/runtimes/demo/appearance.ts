import * as assert from 'uvu/assert';
import { type Check, DESKTOP, PHONE } from './page.ts';
import { barContrasts, faintTexts, openAll, writes } from './probes.ts';

/** Widths, contrast, names of controls, motion. */
export function testAppearance(check: Check): void {
  for (const view of [DESKTOP, { ...DESKTOP, width: 820 }, PHONE]) {
    const { width, colorScheme } = view;
    check(`fits ${width} pixels, is readable in ${colorScheme} and the other`, async (demo) => {
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
        for (const contrast of await barContrasts(page)) {
          assert.ok(contrast >= 3, `a bar has ${contrast.toFixed(2)} in ${scheme}`);
        }
      }
    });
  }

  check('every control has a name, and the text is not read out word by word', async (demo) => {
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
    assert.is(await live.count(), 3, 'what happens, and what is wrong with either form');
    assert.is(await page.locator('#story').getAttribute('aria-live'), 'off');
  });

  check('nothing moves where that is not wanted', async (demo) => {
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
